# SPDX-License-Identifier: Apache-2.0
"""TIER-003: an exemption from the high-risk class is recorded, reasoned and registered.

## What it checks
Where a point of Annex III stands beside a class below high, `eu_ai_act.exemption` names a ground of Article 6(3), (a)
to (d), who assessed it, when, why, and the registration. An exemption without a point, or beside the class high,
exempts from nothing and is a finding.

## Why
Whoever says "not high-risk" for a listed use has to be able to show when this was decided, by whom and on what ground,
before the system is used.

## Reference
AI Act Article 6(4): the assessment is documented before the system is placed on the market. Article 49(2): such systems
are registered; from when is disputed, and the law pack keeps both readings.

## Fails
The record is missing, its ground is none of the four, it is dated after the run, or it exempts from nothing.
```yaml
eu_ai_act: {annex_iii_point: 4a, profiling: false}
```
```yaml
eu_ai_act:
  annex_iii_point: 4a
  profiling: false
  exemption: {ground: e, assessor: legal desk, date: 2026-11-20, registration: EU-DB 12345, reason: sorts files by type}
```
```yaml
eu_ai_act:
  exemption: {ground: a, assessor: legal desk, date: 2026-11-20, registration: EU-DB 12345, reason: sorts files by type}
```

## Passes
A whole record beside a point, where people are not profiled.
```yaml
eu_ai_act:
  annex_iii_point: 4a
  profiling: false
  exemption:
    ground: 6(3)(a)
    assessor: the legal desk of the provider
    date: 2026-11-20
    registration: EU database, entry 12345
    reason: it only sorts documents by their file type before people read them
```
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import Exemption
from policies.classification import RiskClass, class_of
from policies.rules.answers import Question, finding, unanswered, undated
from policies.rules.judgement import Finding, Judgement, failed, judged, not_applicable, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.tier.high_risk import point_of
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-003",
    title="an exemption from the high-risk class is recorded, reasoned and registered",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 6(4)"),
        Control("eu-ai-act", "Article 49(2)"),
    ),
    remediation="Record the exemption, or class the system as high:\n\n"
    "+ eu_ai_act:\n+   exemption:\n+     ground: 6(3)(a)\n+     assessor: …\n+     date: …\n+     registration: …\n"
    "+     reason: …",
    duty="exemption-registration",
)
_PATH: Final = ("eu_ai_act", "exemption")
_GROUND: Final = re.compile(r"(?:(?:Article )?6\(3\))?\(?[a-d]\)?")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The record is read, not judged; that the ground holds is for people to say."""
    facts = bundle.card.eu_ai_act
    point, exemption = point_of(facts), None if facts is None else facts.exemption
    high = class_of(bundle.card.eu_ai_act_classification) is RiskClass.HIGH
    if exemption is None:
        if point is None or high:
            return not_applicable("no exemption is claimed, and none is needed")
        return failed(finding(bundle, _PATH, f"point {point} of Annex III has no record of exemption", "the record"))
    findings = [*_recorded(bundle, run, exemption)]
    if point is None:
        findings.append(
            finding(bundle, _PATH, "the exemption is from no point of Annex III", "the point", exemption.ground)
        )
    if high:
        findings.append(
            finding(bundle, _PATH, "an exemption stands beside the class high", "one of both", exemption.ground)
        )
    return judged(findings, self_reported(f"exempt from point {point} by {exemption.ground}, {exemption.date}"))


def _recorded(bundle: BundleTarget, run: Run, exemption: Exemption) -> Iterator[Finding]:
    if _GROUND.fullmatch(exemption.ground.strip()) is None:
        path = (*_PATH, "ground")
        yield finding(bundle, path, "the ground is none of Article 6(3)", "6(3)(a) to 6(3)(d)", exemption.ground)
    yield from undated(bundle, (*_PATH, "date"), exemption.date, run.as_of)
    questions = [
        Question((*_PATH, "assessor"), exemption.assessor, "who assessed it"),
        Question((*_PATH, "registration"), exemption.registration, "where it is registered"),
        Question((*_PATH, "reason"), exemption.reason, "why the ground holds"),
    ]
    yield from unanswered(bundle, questions)
