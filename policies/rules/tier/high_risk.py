# SPDX-License-Identifier: Apache-2.0
"""TIER-002: what Annex III or Annex I makes high-risk is classed as high, unless exempt without profiling.

## What it checks
`eu_ai_act.annex_iii_point`, `annex_i_product` and `profiling` are answered. A point of Annex III or a product of
Annex I makes the class high. A point may stand beside a lower class only with a record of exemption, and never when
people are profiled. A high class names the point or product that makes it so. Where no point is named, the card's own
words on what the model does name no area of Annex III, such as credit scoring or recruitment.

## Why
The class decides which duties are asked at all. A class below the facts switches them off without anyone deciding to.

## Reference
AI Act Article 6(1) and (2) with Annexes I and III, and Article 6(3), whose exemption is closed to systems that profile
people. Point 5b does not cover the detection of fraud.

## Fails
A point is named beside a limited class, an exemption is claimed although people are profiled, or the purpose names an
area while no point is named.
```yaml
eu_ai_act: {annex_iii_point: 5b}
```
```yaml
eu_ai_act: {annex_iii_point: 4a, profiling: true, exemption: {ground: a}}
```
```yaml
intended_use: [credit scoring of people who apply for a phone contract]
```
```yaml
eu_ai_act: {profiling: null}
```

## Passes
The reference card as it is, which names credit only as out of scope; and a point with the class it makes.
```yaml
{}
```
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
intended_use: [credit scoring of people who apply for a loan]
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import EuAiAct
from policies.classification import RiskClass, class_of
from policies.rules.answers import finding
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.rules.tier.purpose import ANNEX_III, ANNEX_III_POINTS, named_areas
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-002",
    title="what Annex III or Annex I makes high-risk is classed as high, unless exempt without profiling",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(
        Control("eu-ai-act", "Article 6(1)"),
        Control("eu-ai-act", "Article 6(2)"),
        Control("eu-ai-act", "Article 6(3)"),
        Control("eu-ai-act", "Annex III"),
    ),
    remediation="State the facts, and the class that follows from them:\n\n"
    "+ eu_ai_act_classification: High Risk\n+ eu_ai_act:\n+   annex_iii_point: 5b\n+   annex_i_product: none\n"
    "+   profiling: true",
)
NONE: Final = "none"
_PART: Final = "eu_ai_act"
_CLASS: Final = ("eu_ai_act_classification",)
_POINTS: Final = f"{NONE}, or one of {', '.join(ANNEX_III_POINTS)}"


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The facts are the card's; that they and the class agree is checked here."""
    facts = bundle.card.eu_ai_act
    if facts is None:
        return failed(finding(bundle, (_PART,), "eu_ai_act is missing", "the facts behind the class"))
    findings = [*_unanswered(bundle, facts), *_classed(bundle, facts), *_purpose(bundle, facts)]
    note = f"Annex III: {facts.annex_iii_point}, Annex I: {facts.annex_i_product}, profiling: {facts.profiling}"
    return judged(findings, self_reported(f"{note}; class {bundle.card.eu_ai_act_classification}"))


def point_of(facts: EuAiAct | None) -> str | None:
    """The point of Annex III that the card names, such as ``5b``; None for none."""
    text = "".join(plain((facts and facts.annex_iii_point) or NONE).removeprefix("point").split())
    return None if text == NONE else text


def _unanswered(bundle: BundleTarget, facts: EuAiAct) -> Iterator[Finding]:
    point, path = point_of(facts), (_PART, "annex_iii_point")
    if facts.annex_iii_point is None:
        yield finding(bundle, path, "eu_ai_act.annex_iii_point is missing", _POINTS)
    elif point is not None and point not in ANNEX_III_POINTS:
        yield finding(bundle, path, "this is no point of Annex III", _POINTS, facts.annex_iii_point)
    if facts.annex_i_product is None:
        wanted = "none, or the product whose safety component the system is"
        yield finding(bundle, (_PART, "annex_i_product"), "eu_ai_act.annex_i_product is missing", wanted)
    if facts.profiling is None:
        yield finding(bundle, (_PART, "profiling"), "eu_ai_act.profiling is missing", "true or false")


def _classed(bundle: BundleTarget, facts: EuAiAct) -> Iterator[Finding]:
    point, declared = point_of(facts), class_of(bundle.card.eu_ai_act_classification)
    product = plain(facts.annex_i_product or NONE) != NONE
    seen = bundle.card.eu_ai_act_classification
    below = declared is None or declared < RiskClass.HIGH
    if product and below:
        yield finding(bundle, _CLASS, "a safety component of a product of Annex I is high-risk", "High Risk", seen)
    if point is not None and below:
        if facts.exemption is None:
            yield finding(bundle, _CLASS, f"point {point} of Annex III makes the system high-risk", "High Risk", seen)
        elif facts.profiling is not False:
            message = f"a system of point {point} that profiles people is never exempt"
            yield finding(bundle, (_PART, "exemption"), message, "High Risk, and no exemption", facts.exemption.ground)
    if declared is RiskClass.HIGH and point is None and not product:
        message = "the class is high, but neither a point of Annex III nor a product of Annex I is named"
        yield finding(bundle, (_PART, "annex_iii_point"), message, "what makes it high-risk", facts.annex_iii_point)


def _purpose(bundle: BundleTarget, facts: EuAiAct) -> Iterator[Finding]:
    if point_of(facts) is not None:
        return
    for named in named_areas(bundle, ANNEX_III):
        point, about, _ = named.area
        yield finding(
            bundle, named.path,
            f"the purpose names `{named.phrase}` ({about}, point {point}), but no point of Annex III",
            f"annex_iii_point: {point}, or a purpose without it", named.text,
            "name the point and the class it makes; what the model is not for goes under out_of_scope_use",
        )  # fmt: skip
