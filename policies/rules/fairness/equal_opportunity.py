# SPDX-License-Identifier: Apache-2.0
"""FAIR-005: those who should be selected are found about as often in every group.

## What it checks
For each protected attribute the gap in true positive rate is at most 0.10, or what a threshold of the card on
`equal_opportunity_difference` says, which needs a reason above 0.10 and is never above 0.25. At tier high the upper end
of the interval counts. Groups with too few rows are insufficient evidence.

## Why
Where being selected is a benefit, being missed is the harm. It should not fall on one group.

## Reference
NIST AI RMF MEASURE 2.11 has fairness evaluated. The gap is that of Hardt, Price and Srebro (2016), taken between
groups. The limits are Countersign's own policy.

## Fails
The card sets no bound for seniors, and 0.10 is not kept:
```yaml
thresholds: null
```
A bound that seniors do not keep:
```yaml
thresholds:
  - {metric: equal_opportunity_difference, attribute: senior_citizen, maximum: 0.15, reason: set for this example}
```
A wider bound with a reason that says nothing:
```yaml
thresholds:
  - {metric: equal_opportunity_difference, attribute: senior_citizen, maximum: 0.25, reason: "-"}
```

## Passes
```yaml
{}
```
"""

from policies.recomputation.recomputation import Recomputation
from policies.rules.fairness.gaps import Gap, judge_gap
from policies.rules.judgement import Judgement
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-005",
    title="those who should be selected are found about as often in every group",
    severity=Severity.MEDIUM,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.11"),),
    remediation="Find out whom the model misses and why. If the use can live with it, say so:\n"
    "+ thresholds:\n+   - metric: equal_opportunity_difference\n+     attribute: …\n"
    "+     maximum: 0.2\n+     reason: …",
)

_GAP = Gap("equal_opportunity_difference", "how often they are found", 0.1, lambda _: 0.25)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the gap of true positive rates of each attribute."""
    return judge_gap(target, _GAP)
