# SPDX-License-Identifier: Apache-2.0
"""FAIR-002: no group is selected less than four fifths as often as another.

## What it checks
For each protected attribute the gate divides the smallest selection rate by the largest. The ratio is at least 0.80,
or the card's own minimum if that is stricter; at tier high the lower end of its interval is. A group with too few rows
is insufficient evidence, which does not pass. The interval is given with every finding, because a ratio from few rows
may be chance in either direction.

## Why
Who is selected gets the offer, the call or the check. If one group is selected much more rarely, or more often, the
model treats its members differently, whatever the reason in the data; somebody has to have looked at it and decided.

## Reference
29 CFR 1607.4(D) takes a selection rate below four fifths of the highest as evidence of adverse impact, and adds that
smaller differences may count if they are significant and larger ones may not if they rest on small numbers. It is law
for the selection of employees in the United States and a yardstick here. NIST AI RMF MEASURE 2.11 has fairness
evaluated.

## Fails
Seniors are answered churn more than twice as often as others, so this card fails as it is, and carries a waiver:
```yaml
{}
```
At tier high the interval decides, and the ratio of women and men may be 0.798:
```yaml
governance_tier: High Risk
```
Nothing was measured:
```yaml
# card: telecom-churn
datasets: [{name: customers, personal_data: true}]
```

## Passes
Where nobody is in the data there is nothing to be judged:
```yaml
# not applicable: nobody is in the data
# card: telecom-churn
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.fairness.asked import asked
from policies.rules.fairness.gaps import insufficient, thresholds
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-002",
    title="no group is selected less than four fifths as often as another",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("ugesp", "1607.4(D)"), Control("nist-ai-rmf", "MEASURE 2.11")),
    remediation="Find out where the difference comes from and remove it, or have it accepted for a time, with a reason "
    "and what is done meanwhile, in governance/waivers.yaml.",
)

LEAST: Final = 0.8
_METRIC: Final = "demographic_parity_ratio"


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the ratio of selection rates of each attribute."""
    measured, otherwise = asked(target)
    if measured is None:
        assert otherwise is not None
        return otherwise
    return judged(
        _findings(target, measured), verified(f"ratio of selection rates of {', '.join(measured.attributes)}")
    )


def _findings(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    for attribute in measured.attributes:
        figures = measured.figures.fairness[attribute]
        yield from insufficient(target, attribute, figures, _METRIC)
        ratio = figures.demographic_parity_ratio
        if ratio is None or ratio.low is None or ratio.high is None:
            continue
        least = max([LEAST, *(item.minimum or 0.0 for _, item in thresholds(target, _METRIC, attribute))])
        reached = ratio.low if strictest_tier(target.card) is Tier.HIGH else ratio.value
        if reached < least:
            rates = {
                name: group.selection_rate.value
                for name, group in (figures.groups or {}).items()
                if group.selection_rate is not None
            }
            rarest, most = min(rates, key=lambda name: rates[name]), max(rates, key=lambda name: rates[name])
            sure = "" if ratio.high < least else ", which may be chance"
            yield Finding(
                place=target.at("fairness", "attributes", attribute, _METRIC),
                message=f"{attribute}: {rarest} is selected {rates[rarest]:.1%}, {most} {rates[most]:.1%}{sure}",
                seen=f"ratio {ratio.value:.4f} ({ratio.low:.4f} to {ratio.high:.4f})",
                wanted=f"at least {least:g}",
            )
