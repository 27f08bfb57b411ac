# SPDX-License-Identifier: Apache-2.0
"""PERF-009: why these metrics are the right ones is argued.

## What it checks
`evaluation.appropriateness` says something, names every figure that a threshold on performance is set on, and is no
text that stands elsewhere on the card.

## Why
A metric fits a use or does not. Accuracy hides a model that never finds the rare case; precision hides one that finds
hardly any. Whoever sets a threshold has to say why on this figure.

## Reference
AI Act Annex IV(4) asks for a description of the appropriateness of the performance metrics. NIST AI RMF MEASURE 1.1
has metrics chosen for the most significant risks. Whether the argument is good is left to people.

## Fails
```yaml
evaluation: {appropriateness: null}
```
```yaml
evaluation: {appropriateness: to be determined}
```
It argues for figures on which no threshold is set, and is silent on those that have one:
```yaml
evaluation: {appropriateness: The F1 score balances both kinds of error and is used throughout the field.}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="PERF-009",
    title="why these metrics are the right ones is argued",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(Control("eu-ai-act", "Annex IV(4)"), Control("nist-ai-rmf", "MEASURE 1.1")),
    remediation="Say in the recipe which error costs what, and which figure shows it:\n"
    "+ appropriateness: the label is a call list, so precision and recall matter; …",
)


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge the text against the thresholds."""
    return judged(_findings(bundle), self_reported("the choice of metrics is argued on the card"))


def _findings(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    text = card.evaluation.appropriateness if card.evaluation else None
    place = bundle.at("evaluation", "appropriateness")
    if text is None or says_nothing(text):
        yield Finding(
            place=place, message="the choice of metrics is not argued", seen=text, wanted="which errors matter"
        )
        return
    words = f" {plain(text)} "
    named = dict.fromkeys(item.metric for item in card.thresholds or () if item.attribute is None)
    for metric in named:
        if f" {plain(metric)} " not in words:
            yield Finding(
                place=place,
                message=f"a threshold is set on {metric}, but the text does not say why {metric} matters",
                seen=text,
                wanted=f"a word on {metric}",
            )
    elsewhere = (card.description, card.fairness.appropriateness if card.fairness else None)
    if plain(text) in {plain(other) for other in elsewhere if other}:
        yield Finding(
            place=place, message="the text stands elsewhere on the card", seen=text, wanted="a text on the metrics"
        )
