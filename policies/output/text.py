# SPDX-License-Identifier: Apache-2.0
"""The report for people: grouped by target, worst first, each finding with its place and mend, last what to do next.

What comes from a card or a file is shown without control characters, so that no text of a model can paint the terminal.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, get_args

from policies.output.outcome import Level, Outcome, basis_counts, headline, level, outcome, standing, worst_first
from policies.report import Case, Report, State, WaiverUse
from policies.rules.judgement import Basis, Finding
from policies.rules.rule import TargetKind

_RESET: Final = "\x1b[0m"
_PAINT: Final = {
    "bad": "\x1b[1;31m", "warn": "\x1b[33m", "good": "\x1b[1;32m", "quiet": "\x1b[2m", "strong": "\x1b[1m", "": "",
}  # fmt: skip
_MARKS: Final = {Level.ERROR: ("✗", "bad"), Level.WARNING: ("!", "warn"), Level.NOTE: ("~", "quiet")}
_MARGIN: Final = " " * 6

Line = tuple[str, str]
"""Paint and text."""


def render(report: Report) -> str:
    """The report as plain text."""
    return "".join(f"{text}\n" for _, text in _lines(report))


def render_painted(report: Report) -> str:
    """The report for a terminal that shows colours."""
    return "".join(f"{_PAINT[paint]}{text}{_RESET}\n" if paint else f"{text}\n" for paint, text in _lines(report))


def _lines(report: Report) -> Iterator[Line]:
    for item in report.unreadable:
        yield "bad", f"✗ {item.kind} {_shown(item.name)} cannot be read"
        yield "", f"{_MARGIN}{_shown(str(item.place))}: {_shown(item.message)}"
        yield "", ""
    for target in _targets(report):
        yield from _target(target, report)
        yield "", ""
    yield from _context(report)
    yield "", ""
    ended = outcome(report)
    yield "good" if ended is Outcome.PASSED else "bad", headline(report)
    yield "", f"next: {_next(report)}"


def _targets(report: Report) -> list[str]:
    """The targets that were judged, the one with the worst case first."""
    worst = [case.target for case in worst_first(report)]
    return list(dict.fromkeys([*worst, *(case.target for case in report.cases)]))


def _target(target: str, report: Report) -> Iterator[Line]:
    cases = [case for case in report.cases if case.target == target]
    yield "strong", _shown(target)
    for case in worst_first(report):
        if case.target == target:
            yield from _case(case, report)
    passed = [case for case in cases if case.state is State.PASS]
    bases = Counter(case.basis for case in passed)
    tally = ", ".join(f"{bases[basis]} {basis.value}" for basis in Basis if bases[basis])
    yield "quiet", f"  {len(passed)} passed" + (f": {tally}" if tally else "")
    silent = [case.rule.id for case in cases if case.state is State.NOT_APPLICABLE]
    if silent:
        yield "quiet", f"  {len(silent)} not applicable: {', '.join(silent)}"


def _case(case: Case, report: Report) -> Iterator[Line]:
    mark, paint = _MARKS[level(case)]
    yield paint, f"  {mark} {case.rule.id} {case.rule.severity.value}: {case.rule.title}"
    stands = standing(case, report)
    if stands is not None:
        yield "warn", f"{_MARGIN}{_shown(stands)}"
    if case.state is State.ERROR:
        yield from _indented(f"could not judge: {case.note}")
        return
    for finding in case.findings:
        yield from _finding(finding)
    if case.state is State.FAIL and any(finding.mend is None for finding in case.findings):
        yield from _indented(case.rule.remediation, "mend    ")


def _finding(finding: Finding) -> Iterator[Line]:
    yield "", f"{_MARGIN}{_shown(str(finding.place))}: {_shown(finding.message)}"
    if finding.seen is not None:
        yield from _indented(finding.seen, "seen    ")
    yield from _indented(finding.wanted, "wanted  ")
    if finding.mend is not None:
        yield from _indented(finding.mend, "mend    ")


def _indented(text: str, label: str = "") -> Iterator[Line]:
    """A text under its label, further lines below each other."""
    first, *rest = text.splitlines() or [""]
    yield "", f"{_MARGIN}  {label}{_shown(first)}"
    for line in rest:
        yield "", f"{_MARGIN}  {' ' * len(label)}{_shown(line)}"


def _context(report: Report) -> Iterator[Line]:
    """What the outcome rests on, and what it does not cover."""
    bases = basis_counts(report)
    yield "", "rests on: " + ", ".join(f"{bases[basis]} {basis.value}" for basis in Basis)
    for use in report.waivers:
        yield from _waiver(use, report)
    judged = Counter(item.kind for item in report.targets)
    yield "", "judged: " + (", ".join(f"{count} {kind}" for kind, count in judged.items()) or "nothing")
    for reason, rules in _grouped((skipped.reason, skipped.rule.id) for skipped in report.skipped):
        yield "quiet", f"not evaluated, {reason}: {', '.join(rules)}"
    absent = [kind for kind in get_args(TargetKind) if kind not in judged and kind != "governance"]
    if absent:
        yield "quiet", f"says nothing about: {', '.join(absent)}"
    yield "quiet", f"rules and law: sha256 {report.pack_digest}, law as of {report.law.as_of}"
    for notice in report.notices:
        yield "warn", f"note: {_shown(notice)}"


def _waiver(use: WaiverUse, report: Report) -> Iterator[Line]:
    days = (use.expires - report.as_of).days
    said = {
        "used": f"holds until {use.expires}, {days} days left",
        "expired": f"expired on {use.expires}: what it covered counts again",
        "unused": "covers nothing that failed; remove it",
        "not yet in force": "is not in force yet",
    }.get(use.state)
    if said is not None:
        yield "quiet" if use.state == "used" else "warn", f"waiver {_shown(use.id)} ({use.rule}) {said} [{use.place}]"


def _next(report: Report) -> str:
    worst = worst_first(report)
    ended = outcome(report)
    if ended is Outcome.INCOMPLETE:
        return "mend what could not be read or judged, and run again; until then nothing has passed"
    if ended is Outcome.FAILED:
        stops = [case.rule.id for case in worst if case.blocking]
        return f"mend {stops[0]} first; 'countersign check --explain {stops[0]}' says why it is asked"
    return "sign this outcome with 'countersign attest', so that a deployment can prove it"


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    yield from found.items()


def _shown(text: str) -> str:
    """A text in which nothing moves the cursor: control characters are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
