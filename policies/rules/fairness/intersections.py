# SPDX-License-Identifier: Apache-2.0
"""FAIR-007: groups are looked at where protected attributes meet.

## What it checks
Where the evaluation rows have two or more protected attributes, the card has the figures of every pair as
`<attribute> and <attribute>`, for every combination that occurs, and they are the ones that the gate computes. The gaps
of pairs are reported and not bounded: FAIR-002 to FAIR-005 judge single attributes.

## Why
A model may treat women as men and old as young, and yet old women as nobody else.

## Reference
NIST AI RMF MEASURE 2.11 has fairness and bias evaluated and documented. Pairs and their names are defined in
docs/figures.md.

## Fails
```yaml
fairness: {attributes: {gender and senior_citizen: null}}
```
A combination was left out:
```yaml
fairness: {attributes: {gender and senior_citizen: {groups: {"male, yes": null}}}}
```
A rate that is not the computed one:
```yaml
fairness: {attributes: {gender and senior_citizen: {groups: {"male, yes": {selection_rate: {value: 0.2}}}}}}
```

## Passes
```yaml
{}
```
"""

from itertools import combinations

from policies.recomputation.recomputation import Recomputation
from policies.rules.fairness.asked import asked
from policies.rules.fairness.figures_by_group import compare_attribute
from policies.rules.judgement import Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-007",
    title="groups are looked at where protected attributes meet",
    severity=Severity.MEDIUM,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.11"),),
    remediation="Train again: training measures every pair of the protected attributes that `load()` gives.",
)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare the figures of each pair of attributes."""
    measured, otherwise = asked(target)
    if measured is None:
        assert otherwise is not None
        return otherwise
    if len(measured.attributes) < 2:
        return not_applicable(f"{measured.attributes[0]} is the only protected attribute of the evaluation rows")
    fairness = target.card.fairness
    declared = (fairness.attributes if fairness is not None else None) or {}
    pairs = [f"{a} and {b}" for a, b in combinations(measured.attributes, 2)]
    findings = [finding for pair in pairs for finding in compare_attribute(target, pair, declared.get(pair), measured)]
    return judged(findings, verified(f"{', '.join(pairs)} computed from the {measured.level}"))
