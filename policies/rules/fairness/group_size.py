# SPDX-License-Identifier: Apache-2.0
"""FAIR-006: every group has rows enough for its figures to say something.

## What it checks
Each group of each protected attribute has at least 100 evaluation rows and 30 of either label, at tier high 200 and 50.
A group of two attributes together has at least 30 rows, at tier high as many as any other group. A protected attribute
has at least two groups. Rows are counted in the evidence.

## Why
In a group of twelve one answer more is eight points. A gap from such groups is insufficient evidence, in favour of the
model as much as against it.

## Reference
AI Act Article 10(3) asks for data sets that are representative and have the appropriate statistical properties, also as
regards the persons or groups on whom the system is used. The numbers are Countersign's own policy.

## Fails
At tier high 136 senior men are too few:
```yaml
governance_tier: High Risk
```
Nothing was measured, although the data is about people:
```yaml
# card: telecom-churn
datasets: [{name: customers, personal_data: true}]
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.fairness.asked import LEAST, asked, too_small
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="FAIR-006",
    title="every group has rows enough for its figures to say something",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("eu-ai-act", "Article 10(3)"), Control("nist-ai-rmf", "MEASURE 2.11")),
    remediation="Evaluate on more rows of the group, or join groups that may be judged together, and train again.",
)

LEAST_TOGETHER: Final = 30


def check(target: Recomputation, _run: Run) -> Judgement:
    """Count the rows of each group."""
    measured, otherwise = asked(target)
    if measured is None:
        assert otherwise is not None
        return otherwise
    smallest = min(group.n for item in measured.figures.fairness.values() for group in (item.groups or {}).values())
    return judged(_findings(target, measured), verified(f"the smallest group has {smallest} rows"))


def _findings(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    tier = strictest_tier(target.card)
    for attribute, figures in measured.figures.fairness.items():
        place = target.at("fairness", "attributes", attribute)
        groups = figures.groups or {}
        if len(groups) < 2:
            yield Finding(
                place=place,
                message=f"insufficient evidence: {attribute} has one group only",
                seen=", ".join(groups),
                wanted="at least two groups",
            )
        if attribute in measured.attributes or tier is Tier.HIGH:
            few = dict(too_small(target, groups))
            least = f"at least {LEAST[tier].rows} rows and {LEAST[tier].of_each_label} of either label"
        else:
            few = {name: f"{group.n} rows" for name, group in groups.items() if group.n < LEAST_TOGETHER}
            least = f"at least {LEAST_TOGETHER} rows"
        for group, seen in few.items():
            yield Finding(
                place=target.at("fairness", "attributes", attribute, "groups", group),
                message=f"insufficient evidence: the group {group} of {attribute} is too small",
                seen=seen,
                wanted=least,
            )
