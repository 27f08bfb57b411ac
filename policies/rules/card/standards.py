# SPDX-License-Identifier: Apache-2.0
"""CARD-007: the card lists the standards applied, and cites nothing as current that was rescinded.

## What it checks
`standards` has at least one entry, none of them a placeholder; where no standard was applied the entry says so and
what was done instead. No entry of `standards` or `legal_references` names a source that was rescinded by the date of
the run, unless the same entry names what replaced it.

## Why
A card that rests on guidance that is no longer in force was not reviewed against what is.

## Reference
AI Act Annex IV(7): standards applied, or what was done in their place. NIST AI RMF GOVERN 1.1: legal requirements are
understood. SR 26-2 rescinded SR 11-7 on 2026-04-17.

## Fails
No standard is listed, or rescinded guidance is cited as if it held.
```yaml
standards: []
```
```yaml
standards: [SR 11-7 on model risk management]
```
```yaml
legal_references:
  - {source: OCC Bulletin 2011-12, note: validation is independent of development}
```

## Passes
The reference card as it is; old guidance may be named beside what replaced it, and before it was rescinded.
```yaml
standards: [SR 26-2 (which replaced SR 11-7) for the independence of validation]
```
```yaml
# as of: 2026-01-15
standards: [SR 11-7 on model risk management]
```
"""

import datetime as dt
from collections.abc import Iterator

from policies.law.law import Source
from policies.rules.answers import Path, Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-007",
    title="the card lists the standards applied, and cites nothing as current that was rescinded",
    severity=Severity.LOW,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(7)"),
        Control("nist-ai-rmf", "GOVERN 1.1"),
    ),
    remediation="List what was applied, and cite what is in force:\n\n- SR 11-7\n+ SR 26-2",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Sources are found by the spellings in the law pack; others are not known to be rescinded or in force."""
    standards = bundle.card.standards or ()
    findings = []
    if not standards:
        findings.append(finding(bundle, ("standards",), "standards has no entry", "the standards applied, or why none"))
    findings += unanswered(
        bundle, [Question(("standards", number), text, "a standard") for number, text in enumerate(standards)]
    )
    for path, text in _cited(bundle):
        findings += _rescinded(bundle, run, path, text)
    return judged(
        findings, self_reported(f"{len(standards)} standards listed; no rescinded source is cited as current")
    )


def _cited(bundle: BundleTarget) -> Iterator[tuple[Path, str]]:
    for number, text in enumerate(bundle.card.standards or ()):
        yield ("standards", number), text
    for number, reference in enumerate(bundle.card.legal_references or ()):
        texts = (reference.source, reference.point, reference.note)
        yield ("legal_references", number), " / ".join(text for text in texts if text)


def _rescinded(bundle: BundleTarget, run: Run, path: Path, text: str) -> Iterator[Finding]:
    for source in run.law.sources:
        if not _is_rescinded(source, run.as_of) or not _names(text, source):
            continue
        successor = None if source.replaced_by is None else run.law.source(source.replaced_by)
        if successor is None or not _names(text, successor):
            wanted = "a source in force" if successor is None else successor.version
            yield finding(bundle, path, f"{source.version} was rescinded on {source.rescinded}", wanted, text)


def _is_rescinded(source: Source, as_of: dt.date) -> bool:
    return source.rescinded is not None and source.rescinded <= as_of


def _names(text: str, source: Source) -> bool:
    words = f" {plain(text)} "
    return any(f" {plain(spelling)} " in words for spelling in (source.version, *source.also_known_as))
