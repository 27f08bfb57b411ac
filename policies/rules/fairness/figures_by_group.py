# SPDX-License-Identifier: Apache-2.0
"""FAIR-001: the figures by group are on the card, and they are the ones that the gate computes.

## What it checks
Every protected attribute of the evaluation rows is on the card, with the rows and positives of each group, its
selection, true positive and false positive rates, and the gaps between the groups, each with its interval. The gate
computes all of them again and compares: counts exactly, numbers to half a unit of the last digit written. An attribute
on the card that the evidence does not have is a failure. A card without figures passes this rule only where it does not
apply: no dataset holds data on people, no feature reads like a protected attribute, and the card says why.

## Why
One accuracy hides whom a model fails. Whether it fails one group more than another shows only by group, and only if
somebody else can compute it.

## Reference
AI Act Article 10(2)(f) has data examined for biases that affect people; Article 13(3)(b)(v) and Annex IV(3) ask for the
performance on the groups on which the system is used. NIST AI RMF MEASURE 2.11 has fairness evaluated. Definitions are
those of docs/figures.md, which are Fairlearn's between groups.

## Fails
A gap was made smaller:
```yaml
fairness: {attributes: {senior_citizen: {demographic_parity_difference: {value: 0.1}}}}
```
An attribute was left out:
```yaml
fairness: {attributes: {senior_citizen: null}}
```
A group has fewer rows than the card says:
```yaml
fairness: {attributes: {gender: {groups: {female: {n: 900}}}}}
```
Nothing was measured, although the data is about people:
```yaml
# card: telecom-churn
datasets: [{name: customers, personal_data: true}]
```
Nothing was measured, and the reason says nothing:
```yaml
# card: telecom-churn
fairness: {not_measured: n/a}
```

## Passes
```yaml
{}
```
Synthetic accounts without any protected attribute:
```yaml
# not applicable: nobody is in the data
# card: telecom-churn
{}
```
"""

from collections.abc import Iterator

from contracts.model_card_evidence import AttributeFairness, GroupFigures, Metric
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.fairness.asked import asked
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.performance.tolerance import differences
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-001",
    title="the figures by group are on the card and are the ones that the gate computes",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(
        Control("eu-ai-act", "Article 10(2)(f)"),
        Control("eu-ai-act", "Article 13(3)(b)(v)"),
        Control("eu-ai-act", "Annex IV(3)"),
        Control("nist-ai-rmf", "MEASURE 2.11"),
    ),
    remediation="Give `load()` the protected groups of each row, train again, and commit the card that training wrote.",
)

GAPS = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "equal_opportunity_difference",
)
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare the figures of each single attribute; pairs are FAIR-007's."""
    measured, otherwise = asked(target)
    if measured is None:
        assert otherwise is not None
        return otherwise
    note = f"{', '.join(measured.attributes)} computed from the {measured.level} on {measured.rows} rows"
    return judged(_findings(target, measured), verified(note))


def _findings(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    fairness = target.card.fairness
    declared = (fairness.attributes if fairness is not None else None) or {}
    for attribute in measured.attributes:
        yield from compare_attribute(target, attribute, declared.get(attribute), measured)
    for attribute in declared.keys() - measured.figures.fairness.keys():
        yield Finding(
            place=target.at("fairness", "attributes", attribute),
            message=f"the evidence has no groups of {attribute}, so its figures cannot be computed",
            seen=attribute,
            wanted=f"only {', '.join(measured.figures.fairness)}",
        )
    if fairness is None or fairness.method is None:
        yield Finding(
            place=target.at("fairness", "method"),
            message="fairness.method is missing: gaps can be taken in several ways",
            wanted="`between_groups`",
        )


def compare_attribute(
    target: Recomputation, attribute: str, declared: AttributeFairness | None, measured: Measured
) -> Iterator[Finding]:
    """Every figure of an attribute that is missing on the card or is not the one computed."""
    found = measured.figures.fairness[attribute]
    path = ("fairness", "attributes", attribute)
    if declared is None:
        yield Finding(
            place=target.at(*path),
            message=f"the card has no figures for {attribute}, which the evidence has groups of",
            wanted=f"figures for {', '.join(found.groups or ())}",
        )
        return
    for gap in GAPS:
        yield from _compare(target, (*path, gap), getattr(declared, gap), getattr(found, gap))
    groups, said = found.groups or {}, declared.groups or {}
    for name in sorted(groups.keys() | said.keys()):
        if name not in said or name not in groups:
            yield Finding(
                place=target.at(*path, "groups", name),
                message=f"{attribute} has other groups in the evidence than on the card",
                seen=", ".join(said) or None,
                wanted=", ".join(groups),
            )
        else:
            yield from _compare_group(target, (*path, "groups", name), said[name], groups[name])


def _compare_group(
    target: Recomputation, path: tuple[str, ...], declared: GroupFigures, found: GroupFigures
) -> Iterator[Finding]:
    for count in ("n", "positives"):
        if getattr(declared, count) != getattr(found, count):
            yield Finding(
                place=target.at(*path, count),
                message=f"{'.'.join(path)}.{count} is not what the evidence has",
                seen=str(getattr(declared, count)),
                wanted=str(getattr(found, count)),
            )
    for rate in RATES:
        yield from _compare(target, (*path, rate), getattr(declared, rate), getattr(found, rate))


def _compare(
    target: Recomputation, path: tuple[str, ...], declared: Metric | None, found: Metric | None
) -> Iterator[Finding]:
    if declared is not None and found is not None:
        yield from differences(target.bundle, path, declared, found)
    elif declared is not None or found is not None:
        yield Finding(
            place=target.at(*path),
            message=f"{'.'.join(path)} is {'missing' if declared is None else 'on the card, but nothing gives it'}",
            seen=None if declared is None else f"{declared.value:g}",
            wanted="no such figure" if found is None else f"{found.value:.6g}",
        )
