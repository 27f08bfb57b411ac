# SPDX-License-Identifier: Apache-2.0
"""TIER-004: the governance tier is at least what class, people, exposure and purpose ask for.

## What it checks
`governance_tier` is low, medium or high, with a reason. `materiality.exposure` and `purpose` are low, medium or high,
with a reason. The tier is not below the least that follows: exposure and purpose together (low and low: low; high
with medium or high: high; else medium), profiling of people (medium), the class high and answers with significant
effects on people (high).

## Why
The tier decides how many people approve, how long a review lasts and whether a bound must hold with its interval. One
tier too low makes every other rule milder.

## Reference
SR 26-2: rigour follows materiality, which is exposure and purpose. NIST AI RMF MAP 5.1: likelihood and magnitude of
impacts.

## Fails
There is no tier, it is none of the three, or the card's own facts ask for a higher one.
```yaml
governance_tier: null
```
```yaml
governance_tier: Low Risk
```
```yaml
materiality: {exposure: high, purpose: high}
```
```yaml
materiality: {purpose: negligible}
```

## Passes
The reference card as it is; a tier above the least is fine.
```yaml
{}
```
```yaml
governance_tier: High Risk
```
"""

from collections.abc import Iterator
from typing import Final

from policies.classification import least_tiers, tier_of
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-004",
    title="the governance tier is at least what class, people, exposure and purpose ask for",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(
        Control("sr-26-2", "materiality"),
        Control("nist-ai-rmf", "MAP 5.1"),
    ),
    remediation="Raise the tier, or correct the fact that asks for it:\n\n- governance_tier: Low Risk\n"
    "+ governance_tier: Medium Risk",
)
_TIERS: Final = "Low Risk, Medium Risk or High Risk"
_LEVELS: Final = "low, medium or high"


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The facts are the card's; that the tier is not below them is checked here."""
    card = bundle.card
    exposure, purpose, reason = None, None, None
    if card.materiality is not None:
        exposure, purpose, reason = card.materiality.exposure, card.materiality.purpose, card.materiality.reason
    questions = [
        Question(("governance_reason",), card.governance_reason, "why the tier is what it is"),
        Question(("materiality", "reason"), reason, "why exposure and purpose are what they are"),
    ]
    findings = [
        *_level(bundle, ("governance_tier",), card.governance_tier, _TIERS),
        *_level(bundle, ("materiality", "exposure"), exposure, _LEVELS),
        *_level(bundle, ("materiality", "purpose"), purpose, _LEVELS),
        *unanswered(bundle, questions),
        *_too_low(bundle),
    ]
    why = ", ".join(f"{tier.name.lower()} for {reason}" for tier, reason in least_tiers(card))
    return judged(findings, self_reported(f"{card.governance_tier}; asked for: {why}"))


def _level(bundle: BundleTarget, path: tuple[str, ...], text: str | None, wanted: str) -> Iterator[Finding]:
    name = ".".join(path)
    if text is None:
        yield finding(bundle, path, f"{name} is missing", wanted)
    elif tier_of(text) is None:
        yield finding(bundle, path, f"{name} is none of the three levels", wanted, text)


def _too_low(bundle: BundleTarget) -> Iterator[Finding]:
    tier, text = tier_of(bundle.card.governance_tier), bundle.card.governance_tier
    if tier is None:
        return
    for least, reason in least_tiers(bundle.card):
        if tier < least:
            wanted = f"{least.name.capitalize()} Risk or above"
            yield finding(bundle, ("governance_tier",), f"the tier is too low for {reason}", wanted, text)
