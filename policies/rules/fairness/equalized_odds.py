# SPDX-License-Identifier: Apache-2.0
"""FAIR-004: groups are not answered wrongly at rates too far apart.

## What it checks
For each protected attribute the larger of the gaps in true and in false positive rate is at most 0.10, or what a
threshold of the card on `equalized_odds_difference` says, which needs a reason above 0.10 and is never above 0.25. At
tier high the upper end of the interval counts. Groups with too few rows are insufficient evidence.

## Why
Two groups may be selected equally often and yet one of them mostly by mistake. Who bears the errors is a question of
its own.

## Reference
NIST AI RMF MEASURE 2.11 has fairness evaluated; ISO/IEC 42001 A.5.4 has impacts on individuals and groups assessed.
The gap is that of Hardt, Price and Srebro (2016), taken between groups. The limits are Countersign's own policy.

## Fails
A bound that seniors do not keep:
```yaml
thresholds:
  - {metric: equalized_odds_difference, attribute: senior_citizen, maximum: 0.1, reason: set for this example}
```
A bound that would allow nearly any difference:
```yaml
thresholds:
  - {metric: equalized_odds_difference, attribute: senior_citizen, maximum: 0.5, reason: seniors leave more often}
```
At tier high the upper end of the interval, 0.27, counts:
```yaml
governance_tier: High Risk
thresholds:
  - {metric: equalized_odds_difference, attribute: senior_citizen, maximum: 0.25, reason: seniors leave more often}
```

## Passes
```yaml
thresholds:
  - metric: equalized_odds_difference
    attribute: senior_citizen
    maximum: 0.25
    reason: leaving seniors are found more often, which is a benefit to them; the bound shows if the gap grows
```
"""

from policies.recomputation.recomputation import Recomputation
from policies.rules.fairness.gaps import Gap, judge_gap
from policies.rules.judgement import Judgement
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-004",
    title="groups are not answered wrongly at rates too far apart",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.11"), Control("iso-42001", "A.5.4")),
    remediation="Find out which error differs and why. If the use can live with it, say so:\n"
    "+ thresholds:\n+   - metric: equalized_odds_difference\n+     attribute: …\n"
    "+     maximum: 0.2\n+     reason: …",
)

_GAP = Gap("equalized_odds_difference", "their rates of error", 0.1, lambda _: 0.25)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the larger gap of true and false positive rates of each attribute."""
    return judge_gap(target, _GAP)
