# SPDX-License-Identifier: Apache-2.0
"""TIER-006: where Article 50 applies, people are told, in words and through a channel that stand on the card.

## What it checks
`eu_ai_act.article_50` lists the points of Article 50 that apply, such as `50(1)`, or is empty. If one applies, or if
the class is limited, `eu_ai_act.disclosure` has the text and the channel. A point beside the class minimal is a
contradiction; so is an empty list where the card's own words name a chatbot, generated content, emotion recognition
or deep fakes.

## Why
The duty is towards people who cannot see that there is a model. A disclosure that nobody worded is not made.

## Reference
AI Act Article 50(1) to (4), which applies from 2026-08-02.

## Fails
The points are not answered, the text or the channel says nothing, or class and points disagree.
```yaml
eu_ai_act: {article_50: null}
```
```yaml
eu_ai_act: {disclosure: null}
```
```yaml
eu_ai_act: {disclosure: {channel: TBD}}
```
```yaml
eu_ai_act_classification: Minimal Risk
eu_ai_act: {article_50: ["50(1)"]}
```
```yaml
intended_use: [a chatbot that talks customers out of leaving]
```

## Passes
The reference card as it is: limited, with a disclosure that it makes although no point asks for it.
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.classification import RiskClass, class_of
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, failed, judged, not_applicable, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.tier.purpose import ARTICLE_50, ARTICLE_50_POINTS, named_areas
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-006",
    title="where Article 50 applies, people are told, in words and through a channel that stand on the card",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 50(1)"),
        Control("eu-ai-act", "Article 50(2)"),
        Control("eu-ai-act", "Article 50(3)"),
        Control("eu-ai-act", "Article 50(4)"),
    ),
    remediation="List the points that apply, and write what people are told and where:\n\n"
    "+ eu_ai_act:\n+   article_50: [50(1)]\n+   disclosure:\n+     text: …\n+     channel: …",
)
_PATH: Final = ("eu_ai_act", "article_50")
_WANTED: Final = f"a list of {', '.join(ARTICLE_50_POINTS)}, empty if none applies"


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Whether the text is understood by those who read it is for people to judge."""
    facts = bundle.card.eu_ai_act
    if facts is None or facts.article_50 is None:
        return failed(finding(bundle, _PATH, "eu_ai_act.article_50 is missing", _WANTED))
    points, declared = facts.article_50, class_of(bundle.card.eu_ai_act_classification)
    findings = [*_points(bundle, points, declared)]
    if not points and declared is not RiskClass.LIMITED and not findings:
        return not_applicable("no point of Article 50 applies, and the class is not limited")
    text, channel = (facts.disclosure.text, facts.disclosure.channel) if facts.disclosure else (None, None)
    path = ("eu_ai_act", "disclosure")
    questions = [
        Question((*path, "text"), text, "what people are told"),
        Question((*path, "channel"), channel, "where they are told"),
    ]
    findings += unanswered(bundle, questions)
    applies = ", ".join(points) or "no point of Article 50 by itself"
    return judged(findings, self_reported(f"{applies}; people are told through: {channel}"))


def _points(bundle: BundleTarget, points: tuple[str, ...], declared: RiskClass | None) -> Iterator[Finding]:
    for number, point in enumerate(points):
        if point not in ARTICLE_50_POINTS:
            yield finding(bundle, (*_PATH, number), f"{point} is no point of Article 50", _WANTED, point)
    if points and declared is RiskClass.MINIMAL:
        seen = bundle.card.eu_ai_act_classification
        path = ("eu_ai_act_classification",)
        yield finding(bundle, path, "Article 50 applies, so the class is not minimal", "Limited Risk or above", seen)
    for named in named_areas(bundle, ARTICLE_50):
        if named.area.point not in points:
            message = f"the purpose names `{named.phrase}`, but {named.area.point} is not listed"
            yield finding(bundle, named.path, message, f"article_50 with {named.area.point}", named.text)
