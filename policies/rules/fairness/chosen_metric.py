# SPDX-License-Identifier: Apache-2.0
"""FAIR-009: which fairness is meant, and how much of a gap is accepted, is argued.

## What it checks
Every protected attribute on the card has at least one threshold on a figure by group, each with a reason of its own.
`fairness.appropriateness` says something and names at least one of the figures that the thresholds are set on. A
threshold names an attribute that was measured and a figure that exists. A card that measured nothing argues what a
deployer has to do.

## Why
Equal selection, equal errors and equal calibration exclude each other wherever base rates differ. One of them has to be
chosen, by people, before the figures are known.

## Reference
AI Act Annex IV(4) asks for the appropriateness of the performance metrics; NIST AI RMF MEASURE 1.1 has metrics chosen
for the most significant risks. Whether the argument is good is left to people.

## Fails
```yaml
fairness: {appropriateness: null}
```
One reason for every bound:
```yaml
thresholds:
  - {metric: equal_opportunity_difference, attribute: gender, maximum: 0.1, reason: industry practice}
  - {metric: equal_opportunity_difference, attribute: senior_citizen, maximum: 0.25, reason: Industry practice.}
```
An attribute without any bound:
```yaml
thresholds:
  - {metric: equal_opportunity_difference, attribute: gender, maximum: 0.1, reason: women and men are offered alike}
```
A bound on an attribute that nobody measured:
```yaml
thresholds:
  - {metric: equal_opportunity_difference, attribute: gender, maximum: 0.1, reason: women and men are offered alike}
  - {metric: equal_opportunity_difference, attribute: senior_citizen, maximum: 0.25, reason: seniors leave more often}
  - {metric: equal_opportunity_difference, attribute: shoe_size, maximum: 0.1, reason: feet are no ground for an offer}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_evidence import Threshold
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, repeated, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="FAIR-009",
    title="which fairness is meant, and how much of a gap is accepted, is argued",
    severity=Severity.LOW,
    over="bundle",
    controls=(Control("eu-ai-act", "Annex IV(4)"), Control("nist-ai-rmf", "MEASURE 1.1")),
    remediation="Say who is harmed by which error, choose the figure that shows it, and bound it with a reason:\n"
    "+ thresholds:\n+   - metric: equal_opportunity_difference\n+     attribute: gender\n"
    "+     maximum: 0.1\n+     reason: …",
)

_WORDS: Final = {
    "demographic_parity_difference": ("demographic parity", "selection rate"),
    "demographic_parity_ratio": ("demographic parity", "selection rate", "four fifths"),
    "equalized_odds_difference": ("equalized odds", "equalised odds", "error rate"),
    "equal_opportunity_difference": ("equal opportunity", "true positive rate"),
}


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge the texts against the attributes and the thresholds."""
    card = bundle.card
    attributes = [name for name in (card.fairness.attributes if card.fairness else None) or {} if " and " not in name]
    bounds = [(place, item) for place, item in enumerate(card.thresholds or ()) if item.attribute is not None]
    findings = [*_text(bundle, bounds), *_bounds(bundle, attributes, bounds)]
    return judged(findings, self_reported(f"{len(bounds)} bounds on figures by group, each with a reason"))


def _text(bundle: BundleTarget, bounds: list[tuple[int, Threshold]]) -> Iterator[Finding]:
    text = bundle.card.fairness.appropriateness if bundle.card.fairness else None
    place = bundle.at("fairness", "appropriateness")
    if text is None or says_nothing(text):
        yield Finding(
            place=place, message="the choice of fairness is not argued", seen=text, wanted="who is harmed how"
        )
        return
    words = [word for _, item in bounds for word in _WORDS.get(item.metric, ())]
    if bounds and not any(word in plain(text) for word in words):
        yield Finding(
            place=place,
            message="the text argues for none of the figures that are bounded",
            seen=text,
            wanted=f"a word on {', '.join(dict.fromkeys(item.metric for _, item in bounds))}",
        )


def _bounds(bundle: BundleTarget, attributes: list[str], bounds: list[tuple[int, Threshold]]) -> Iterator[Finding]:
    for attribute in attributes:
        if attribute not in {item.attribute for _, item in bounds}:
            yield Finding(
                place=bundle.at("thresholds"),
                message=f"no gap between the groups of {attribute} is bounded",
                wanted=f"a threshold with `attribute: {attribute}`",
            )
    for place, item in bounds:
        if item.metric not in _WORDS or item.attribute not in attributes:
            yield Finding(
                place=bundle.at("thresholds", place),
                message="a threshold is set on a figure by group that was not measured",
                seen=f"{item.metric} of {item.attribute}",
                wanted=f"one of {', '.join(_WORDS)} of {', '.join(attributes) or 'an attribute that was measured'}",
            )
        if says_nothing(item.reason):
            yield Finding(
                place=bundle.at("thresholds", place, "reason"),
                message=f"the bound on {item.metric} of {item.attribute} has no reason",
                seen=item.reason,
                wanted="why this gap and no other",
            )
    for later, first in repeated([(str(place), item.reason) for place, item in bounds]):
        yield Finding(
            place=bundle.at("thresholds", int(later), "reason"),
            message=f"the reason is that of threshold {int(first) + 1}",
            seen=bounds[[place for place, _ in bounds].index(int(later))][1].reason,
            wanted="a reason of its own",
        )
