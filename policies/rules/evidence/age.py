# SPDX-License-Identifier: Apache-2.0
"""EVID-002: the evidence is young enough to speak of the model's present use.

## What it checks
The evaluation is at most 180 days old at tier high, 365 at medium and 730 at low, and so is the evaluation of fairness.
A tier that is missing or unknown counts as high.

## Why
Figures age with the world that the rows were taken from. A model that nobody evaluated for two years is not known to
work.

## Reference
NIST AI RMF MEASURE 2.1 has test sets, metrics and tools documented and MANAGE 4.1 has monitoring after deployment; SR
26-2 lets the rigour of ongoing monitoring follow materiality. The numbers of days are Countersign's own policy, those
of a review. Who vouches for the evidence is judged by the approval rules.

## Fails
A year and a month later:
```yaml
# as of: 2027-12-24
{}
```
At tier high after half a year:
```yaml
# as of: 2027-06-01
governance_tier: High Risk
```
A card without an evaluation:
```yaml
evaluation: null
```

## Passes
```yaml
# as of: 2027-11-23
{}
```
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from policies.classification import Tier, strictest_tier
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="EVID-002",
    title="the evidence is young enough to speak of the model's present use",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("nist-ai-rmf", "MEASURE 2.1"),
        Control("nist-ai-rmf", "MANAGE 4.1"),
        Control("sr-26-2", "ongoing monitoring"),
    ),
    remediation="Evaluate the model on rows of today, and release a version with the new evidence.",
)

OLDEST_DAYS: Final = {Tier.HIGH: 180, Tier.MEDIUM: 365, Tier.LOW: 730}


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare the age of each evaluation with what the tier allows."""
    evaluation = bundle.card.evaluation
    return judged(_findings(bundle, run), self_reported(f"evaluated on {evaluation.date if evaluation else None}"))


def _findings(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    card = bundle.card
    if card.evaluation is None:
        yield Finding(place=bundle.at("evaluation"), message="the card has no evaluation", wanted="`evaluation`")
        return
    dates: list[tuple[tuple[str, str], dt.date | None]] = [(("evaluation", "date"), card.evaluation.date)]
    if card.fairness is not None and card.fairness.attributes:
        dates.append((("fairness", "evaluation_date"), card.fairness.evaluation_date))
    longest = OLDEST_DAYS[strictest_tier(card)]
    for path, date in dates:
        if date is not None and (run.as_of - date).days > longest:
            yield Finding(
                place=bundle.at(*path),
                message=f"the {path[0]} is {(run.as_of - date).days} days old",
                seen=date.isoformat(),
                wanted=f"at most {longest} days at this tier",
            )
