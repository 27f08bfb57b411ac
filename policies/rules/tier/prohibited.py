# SPDX-License-Identifier: Apache-2.0
"""TIER-001: the class of the AI Act is one of the four, not the prohibited one, and Article 5 was screened.

## What it checks
`eu_ai_act_classification` is minimal, limited, high or prohibited, and prohibited always fails. `eu_ai_act.screening`
has a date not after that of the run and no older than a review at the card's tier may be, a reason, and under `answers`
a `false` for every point of Article 5(1) that is in force on that day. Any `true`, there or as `prohibited_practice`,
fails.

## Why
What is prohibited cannot be governed into being allowed. A screening without an answer for each practice is a signature
under a page that nobody read.

## Reference
AI Act Article 5. Points (ba) and (bb) were added by Regulation (EU) 2026/1744 and apply from 2026-12-02; the others
from 2025-02-02.

## Fails
There is no class, it is none of the four, it is the prohibited one, or a practice has no answer or the
wrong one, or the screening is from before the last review.
```yaml
eu_ai_act_classification: null
```
```yaml
eu_ai_act_classification: Unacceptable Risk
```
```yaml
eu_ai_act: {screening: {answers: {"5(1)(f)": true}}}
```
```yaml
eu_ai_act: {screening: {date: 2025-11-01}}
```
```yaml
# as of: 2026-12-02
eu_ai_act: {screening: {answers: {"5(1)(ba)": null}}}
```

## Passes
The reference card as it is; a point that is not yet in force may be left unanswered.
```yaml
eu_ai_act: {screening: {answers: {"5(1)(ba)": null, "5(1)(bb)": null}}}
```
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import Screening
from policies.classification import RiskClass, class_of, strictest_tier
from policies.rules.answers import Question, finding, unanswered, undated
from policies.rules.approval.next_review import LONGEST_DAYS
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-001",
    title="the class of the AI Act is one of the four, not the prohibited one, and Article 5 was screened",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(Control("eu-ai-act", "Article 5"),),
    remediation="Answer each practice of Article 5(1), with a date, and state the class:\n\n"
    "+ eu_ai_act_classification: Limited Risk\n+ eu_ai_act:\n+   screening:\n+     date: …\n"
    "+     prohibited_practice: false\n+     answers:\n+       5(1)(a): false\n+       …",
)
_CLASSES: Final = "Minimal Risk, Limited Risk or High Risk"
_ARTICLE: Final = "Article "


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Which practices there are comes from the law pack; whether the answers are true is for people to judge."""
    screening = None if bundle.card.eu_ai_act is None else bundle.card.eu_ai_act.screening
    findings = [*_class(bundle)]
    if screening is None:
        wanted = "a date, a reason, and an answer for each practice of Article 5(1)"
        findings.append(finding(bundle, ("eu_ai_act", "screening"), "eu_ai_act.screening is missing", wanted))
    else:
        findings += _screened(bundle, run, screening)
    declared = bundle.card.eu_ai_act_classification
    when = None if screening is None else screening.date
    return judged(findings, self_reported(f"{declared}; no practice of Article 5, as screened on {when}"))


def _class(bundle: BundleTarget) -> Iterator[Finding]:
    path, text = ("eu_ai_act_classification",), bundle.card.eu_ai_act_classification
    declared = class_of(text)
    if text is None:
        yield finding(bundle, path, "eu_ai_act_classification is missing", _CLASSES)
    elif declared is None:
        yield finding(bundle, path, "eu_ai_act_classification is no class of the AI Act", _CLASSES, text)
    elif declared is RiskClass.PROHIBITED:
        yield finding(
            bundle, path, "a prohibited system may not be released", _CLASSES, text, "do not release the model"
        )


def _screened(bundle: BundleTarget, run: Run, screening: Screening) -> Iterator[Finding]:
    path = ("eu_ai_act", "screening")
    oldest = run.as_of - dt.timedelta(days=LONGEST_DAYS[strictest_tier(bundle.card)])
    yield from undated(bundle, (*path, "date"), screening.date, run.as_of, oldest)
    yield from unanswered(bundle, [Question((*path, "reason"), screening.reason, "why no practice is involved")])
    if screening.prohibited_practice:
        yield finding(
            bundle, (*path, "prohibited_practice"), "a prohibited practice may not be released", "false", "true"
        )
    answers = screening.answers or {}
    known, in_force = _practices(run)
    for point, answer in answers.items():
        at = (*path, "answers", point)
        if point not in known:
            yield finding(bundle, at, f"{point} is no practice of Article 5(1)", ", ".join(known), point)
        elif answer:
            yield finding(bundle, at, f"the practice of {point} may not be released", "false", "true")
    missing = [point for point in in_force if point not in answers]
    if missing:
        message = f"practices of Article 5(1) have no answer: {', '.join(missing)}"
        yield finding(bundle, (*path, "answers"), message, "true or false for each practice in force")


def _practices(run: Run) -> tuple[list[str], list[str]]:
    """Every practice that the law pack knows, and those in force on the day of the run."""
    known, in_force = [], []
    for point in run.law.source("eu-ai-act").points:
        if point.reference.startswith(f"{_ARTICLE}5(1)("):
            known.append(point.reference.removeprefix(_ARTICLE))
            applies_from = run.law.applies_from(Control("eu-ai-act", point.reference))
            if applies_from is None or applies_from <= run.as_of:
                in_force.append(known[-1])
    return known, in_force
