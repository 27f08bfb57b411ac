# SPDX-License-Identifier: Apache-2.0
"""FAIR-003: groups are not selected at rates too far apart.

## What it checks
For each protected attribute the largest minus the smallest selection rate is at most 0.10, or what a threshold of the
card on `demographic_parity_difference` says. A threshold above 0.10 needs a reason and may exceed the gap that is in
the labels themselves by at most 0.10: a model may reflect a difference, not make it. At tier high the upper end of the
interval counts. Groups with too few rows are insufficient evidence.

## Why
The ratio of FAIR-002 says little where everyone is selected often; the difference says how many more of one group are.

## Reference
NIST AI RMF MEASURE 2.11 has fairness evaluated; ISO/IEC 42001 A.5.4 has impacts on individuals and groups assessed.
The limits are Countersign's own policy.

## Fails
A bound that seniors do not keep:
```yaml
thresholds:
  - {metric: demographic_parity_difference, attribute: senior_citizen, maximum: 0.2, reason: set for this example}
```
A bound that would allow any difference:
```yaml
thresholds:
  - {metric: demographic_parity_difference, attribute: gender, maximum: 0.9, reason: we prefer not to know}
```
A wider bound without a reason:
```yaml
thresholds:
  - {metric: demographic_parity_difference, attribute: senior_citizen, maximum: 0.25, reason: TBD}
```

## Passes
Seniors leave more often in the sample itself (0.42 against 0.23), and the card allows for that:
```yaml
thresholds:
  - metric: demographic_parity_difference
    attribute: senior_citizen
    maximum: 0.25
    reason: the rate of leaving itself differs by 0.19, so equal rates would miss leavers of one group
```
"""

from policies.recomputation.recomputation import Recomputation
from policies.rules.fairness.gaps import Gap, judge_gap, labels_apart
from policies.rules.judgement import Judgement
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-003",
    title="groups are not selected at rates too far apart",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.11"), Control("iso-42001", "A.5.4")),
    remediation="Find out where the difference comes from. If it is in the labels and the use can "
    "live with it, say so:\n"
    "+ thresholds:\n+   - metric: demographic_parity_difference\n+     attribute: …\n"
    "+     maximum: 0.25\n+     reason: …",
)

_GAP = Gap("demographic_parity_difference", "selection rate", 0.1, lambda figures: labels_apart(figures) + 0.1)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the difference of selection rates of each attribute."""
    return judge_gap(target, _GAP)
