# SPDX-License-Identifier: Apache-2.0
"""CARD-006: the card says what this version changed, when, and of which kind the change is.

## What it checks
`changes` has exactly one entry for the card's own version, dated not before the training and not after the day of the
run, with a summary, and of the kind `first release`, `substantial` or `not substantial`. A version with an earlier
one in the inventory is no first release, and one without is nothing else.

## Why
A substantial change starts assessment, approval and registration over; calling it anything else skips them.

## Reference
AI Act Annex IV(6): relevant changes over the life of the system. ISO/IEC 42001 A.6.2.3: design and development are
documented.

## Fails
No entry is about this version, its kind is none of the three, or it is a first release with a version before it.
```yaml
changes:
  - {version: 0.9.0, date: 2026-11-01, kind: first release, summary: first version with measured figures}
```
```yaml
changes:
  - {version: 1.0.0, date: 2026-11-23, kind: minor, summary: first version with measured figures}
```
```yaml
previous_version: 0.9.0
```
```yaml
changes:
  - {version: 1.0.0, date: 2026-11-24, kind: first release, summary: first version with measured figures}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import Change
from policies.rules.answers import Question, finding, unanswered, undated
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-006",
    title="the card says what this version changed, when, and of which kind the change is",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(6)"),
        Control("iso-42001", "A.6.2.3"),
    ),
    remediation="Add one entry for this version:\n\n"
    "+ changes:\n+   - version: …\n+     date: …\n+     kind: substantial\n+     summary: …",
)
FIRST: Final = "first release"
KINDS: Final = (FIRST, "substantial", "not substantial")
_WANTED: Final = "one of " + ", ".join(KINDS)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Whether a change is substantial is for people to say; whether it is the first is not."""
    version = bundle.card.version
    own = [(number, item) for number, item in enumerate(bundle.card.changes or ()) if item.version == version]
    if not own:
        return failed(finding(bundle, ("changes",), f"changes has no entry for {version}", f"one entry for {version}"))
    findings = [
        finding(bundle, ("changes", number), f"a second entry is for {version}", "one entry", item.version)
        for number, item in own[1:]
    ]
    number, change = own[0]
    findings += _questioned(bundle, run, number, change)
    return judged(findings, self_reported(f"{version} of {change.date}: {change.kind}"))


def _questioned(bundle: BundleTarget, run: Run, number: int, change: Change) -> Iterator[Finding]:
    path = ("changes", number)
    yield from unanswered(bundle, [Question((*path, "summary"), change.summary, "what the version changed")])
    yield from undated(bundle, (*path, "date"), change.date, run.as_of, bundle.card.training_date)
    kind, at = plain(change.kind or ""), (*path, "kind")
    if kind not in KINDS:
        message = "the kind of change is missing" if change.kind is None else "the kind of change is none of the three"
        yield finding(bundle, at, message, _WANTED, change.kind)
    elif kind == FIRST and bundle.card.previous_version is not None:
        yield finding(bundle, at, "a first release has no version before it", "substantial or not", change.kind)
    elif kind != FIRST and bundle.card.previous_version is None:
        yield finding(bundle, at, "without a previous version this is a first release", FIRST, change.kind)
