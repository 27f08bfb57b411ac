# SPDX-License-Identifier: Apache-2.0
"""APPR-005: the next review lies ahead, no further than the tier allows, and missing it has consequences.

## What it checks
`next_review` and `last_review` stand on the card. The next review is after the date of the run, the last one is not,
nor is it before the training: another model was reviewed then. From one to the other it is at most 180 days at tier
high, 365 at medium and 730 at low. A tier that is missing or unknown counts as high. What a running service does from
that day on, `review_overdue`, is no milder than the tier asks for, which is what happens where the card does not say:
`unready` at tier high (the pod is taken out of service), `warn` at medium (answers carry a warning), `alert` at low.

## Why
A model is approved for a time. Customers, prices and behaviour move on, and a card that nobody has to look at again
stays as true as on the day it was written. A date that has passed means that the approval has lapsed, also for pods
that were started before it.

## Reference
NIST AI RMF GOVERN 1.5 asks for periodic review with a planned frequency. SR 26-2 sets no annual cycle and lets rigour
follow materiality, so the longest interval here depends on the tier. AI Act Article 9(2) has risk management run
through the whole lifecycle and be updated regularly. The numbers of days are Countersign's own policy.

## Fails
The review was due yesterday:
```yaml
next_review: 2026-11-22
```
There is none:
```yaml
next_review: null
```
It is further away than tier high allows:
```yaml
governance_tier: High Risk
next_review: 2027-11-01
```
The last review has not taken place yet, or was one of another model:
```yaml
last_review: 2026-12-24
```
```yaml
last_review: 2026-11-22
```
Pods would go on as if nothing had happened:
```yaml
review_overdue: alert
```
```yaml
governance_tier: High Risk
review_overdue: warn
```

## Passes
The card as it is, up to the day before its review:
```yaml
# as of: 2027-05-20
{}
```
More than the tier asks for:
```yaml
review_overdue: unready
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.review import ACTIONS, LEAST_OF_TIER
from policies.classification import Tier, strictest_tier
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="APPR-005",
    title="the next review lies ahead, no further than the tier allows, and missing it has consequences",
    severity=Severity.CRITICAL,
    over="bundle",
    controls=(
        Control("nist-ai-rmf", "GOVERN 1.5"),
        Control("sr-26-2", "ongoing monitoring"),
        Control("eu-ai-act", "Article 9(2)"),
    ),
    remediation="Review the model, then set `last_review` to that day and `next_review` to the next one planned, and "
    "have the card approved again:\n- next_review: 2026-11-22\n+ next_review: 2027-05-21",
)

LONGEST_DAYS: Final = {Tier.HIGH: 180, Tier.MEDIUM: 365, Tier.LOW: 730}
"""From one review to the next."""


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare the two dates with each other, with the date of the run and with the tier."""
    card = bundle.card
    note = f"next review on {card.next_review}, last one on {card.last_review}"
    return judged(_findings(bundle, run), self_reported(note))


def _findings(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    card = bundle.card
    if card.next_review is None:
        yield Finding(place=bundle.at("next_review"), message="next_review is missing", wanted="a date in the future")
    elif card.next_review <= run.as_of:
        late = (run.as_of - card.next_review).days
        ago = f"{late} days ago" if late != 1 else "yesterday"
        yield Finding(
            place=bundle.at("next_review"),
            message=f"next_review was {ago}" if late else "next_review is today: the review is due",
            seen=card.next_review.isoformat(),
            wanted=f"a date after {run.as_of}",
        )
    if card.last_review is None or card.last_review > run.as_of:
        yield Finding(
            place=bundle.at("last_review"),
            message="last_review is missing" if card.last_review is None else "last_review has not taken place yet",
            seen=None if card.last_review is None else card.last_review.isoformat(),
            wanted=f"the day of the last review, {run.as_of} or earlier",
        )
    elif card.training_date is not None and card.last_review < card.training_date:
        yield Finding(
            place=bundle.at("last_review"),
            message="last_review is before the training, so another model was reviewed",
            seen=card.last_review.isoformat(),
            wanted=f"{card.training_date} or later",
        )
    yield from _interval(bundle)
    yield from _consequence(bundle)


def _interval(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    tier = strictest_tier(card)
    longest = LONGEST_DAYS[tier]
    if card.next_review is None or card.last_review is None:
        return
    days = (card.next_review - card.last_review).days
    if days > longest:
        yield Finding(
            place=bundle.at("next_review"),
            message=f"next_review is {days} days after last_review, too far away for tier {tier.name.lower()}",
            seen=card.next_review.isoformat(),
            wanted=f"at most {longest} days after {card.last_review}",
        )


def _consequence(bundle: BundleTarget) -> Iterator[Finding]:
    said, tier = bundle.card.review_overdue, strictest_tier(bundle.card)
    least = LEAST_OF_TIER[tier]
    if said is not None and ACTIONS.index(said) < ACTIONS.index(least):
        yield Finding(
            place=bundle.at("review_overdue"),
            message=f"review_overdue is milder than tier {tier.name.lower()} asks for",
            seen=said,
            wanted=" or ".join(ACTIONS[ACTIONS.index(least) :]),
        )
