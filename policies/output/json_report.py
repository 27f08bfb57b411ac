# SPDX-License-Identifier: Apache-2.0
"""The report as JSON, with a published schema: `report_json_schema`, kept at docs/schema/report.schema.json.

Nothing is left out, so whoever reads this needs no other format. Fields may be added to ``countersign.dev/report/v1``;
none changes its meaning or goes away without another schema name.
"""

import datetime as dt
import json
from typing import Any, Literal

import msgspec
from msgspec import Struct

from policies.output.outcome import basis_counts, outcome, state_counts
from policies.place import Place
from policies.report import Case, Covered, Report, Skipped, State, Unreadable
from policies.rules.judgement import Basis, Finding
from policies.rules.rule import Rule

_SEVERITY = Literal["critical", "high", "medium", "low"]


class ControlEntry(Struct, frozen=True, kw_only=True):
    """A point of law or standard; ``applies_from`` is null where it has no date."""

    framework: str
    reference: str
    applies_from: dt.date | None


class RuleEntry(Struct, frozen=True, kw_only=True):
    """A rule that was asked, or would have been."""

    id: str
    title: str
    severity: _SEVERITY
    over: str
    waivable: bool
    remediation: str
    controls: tuple[ControlEntry, ...]


class PlaceEntry(Struct, frozen=True, kw_only=True):
    """Line and column from 1."""

    file: str
    line: int
    column: int


class FindingEntry(Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    place: PlaceEntry
    message: str
    seen: str | None
    wanted: str
    mend: str | None


class CaseEntry(Struct, frozen=True, kw_only=True):
    """One rule on one target."""

    rule: str
    target: str
    state: Literal["pass", "fail", "error", "not_applicable", "waived"]
    basis: Literal["verified", "self-reported", "absent"]
    blocking: bool
    findings: tuple[FindingEntry, ...]
    note: str | None
    waiver: str | None
    upcoming: dt.date | None
    days_left: int | None
    """Days from the date of the run to ``upcoming``."""


class TargetEntry(Struct, frozen=True, kw_only=True):
    """A target that was read; digests are SHA-256 by part."""

    kind: str
    name: str
    digests: dict[str, str]


class UnreadableEntry(Struct, frozen=True, kw_only=True):
    """A target that was named and could not be read."""

    kind: str
    name: str
    place: PlaceEntry
    message: str


class SkippedEntry(Struct, frozen=True, kw_only=True):
    """A rule that was not evaluated, and why."""

    rule: str
    reason: str


class WaiverEntry(Struct, frozen=True, kw_only=True):
    """What became of a waiver."""

    id: str
    rule: str
    state: str
    expires: dt.date
    reason: str
    place: PlaceEntry


class ProfileEntry(Struct, frozen=True, kw_only=True):
    """The strictness of the run."""

    name: str
    blocking: tuple[_SEVERITY, ...]


class ReportDocument(Struct, frozen=True, kw_only=True):
    """One run of the gate."""

    schema: Literal["countersign.dev/report/v1"] = "countersign.dev/report/v1"
    outcome: Literal["passed", "failed", "could not evaluate"]
    version: str
    pack_digest: str
    profile: ProfileEntry
    as_of: dt.date
    law_as_of: dt.date | None
    states: dict[str, int]
    bases: dict[str, int]
    targets: tuple[TargetEntry, ...]
    cases: tuple[CaseEntry, ...]
    rules: tuple[RuleEntry, ...]
    unreadable: tuple[UnreadableEntry, ...]
    skipped: tuple[SkippedEntry, ...]
    waivers: tuple[WaiverEntry, ...]
    notices: tuple[str, ...]


def render(report: Report) -> str:
    """The report as indented JSON that ends in a line feed."""
    states, bases = state_counts(report), basis_counts(report)
    document = ReportDocument(
        outcome=outcome(report).value,
        version=report.version,
        pack_digest=report.pack_digest,
        profile=ProfileEntry(
            name=report.profile.name,
            blocking=tuple(item.value for item in sorted(report.profile.blocking, key=lambda item: item.rank)),
        ),
        as_of=report.as_of,
        law_as_of=report.law.as_of if report.law.sources else None,
        states={state.value: states[state] for state in State},
        bases={basis.value: bases[basis] for basis in Basis},
        targets=tuple(_target(item) for item in report.targets),
        cases=tuple(_case(case, report) for case in report.cases),
        rules=tuple(_rule(rule, report) for rule in rules_of(report)),
        unreadable=tuple(_unreadable(item) for item in report.unreadable),
        skipped=tuple(_skipped(item) for item in report.skipped),
        waivers=tuple(
            WaiverEntry(
                id=use.id,
                rule=use.rule,
                state=use.state,
                expires=use.expires,
                reason=use.reason,
                place=_place(use.place),
            )
            for use in report.waivers
        ),
        notices=report.notices,
    )
    return json.dumps(msgspec.to_builtins(document), indent=1, ensure_ascii=False) + "\n"


def rules_of(report: Report) -> list[Rule]:
    """Every rule that was asked or left unasked, once, by id."""
    found = {case.rule.id: case.rule for case in report.cases}
    found.update({item.rule.id: item.rule for item in report.skipped})
    return [found[name] for name in sorted(found)]


def report_json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `render` writes."""
    schema = msgspec.json.schema(ReportDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Countersign gate report", **schema}


def _case(case: Case, report: Report) -> CaseEntry:
    return CaseEntry(
        rule=case.rule.id,
        target=case.target,
        state=case.state.value,
        basis=case.basis.value,
        blocking=case.blocking,
        findings=tuple(_finding(finding) for finding in case.findings),
        note=case.note,
        waiver=case.waiver,
        upcoming=case.upcoming,
        days_left=None if case.upcoming is None else (case.upcoming - report.as_of).days,
    )


def _finding(finding: Finding) -> FindingEntry:
    return FindingEntry(
        place=_place(finding.place),
        message=finding.message,
        seen=finding.seen,
        wanted=finding.wanted,
        mend=finding.mend,
    )


def _rule(rule: Rule, report: Report) -> RuleEntry:
    return RuleEntry(
        id=rule.id,
        title=rule.title,
        severity=rule.severity.value,
        over=rule.over,
        waivable=rule.waivable,
        remediation=rule.remediation,
        controls=tuple(
            ControlEntry(
                framework=control.framework,
                reference=control.reference,
                applies_from=report.law.applies_from(control),
            )
            for control in rule.controls
        ),
    )


def _target(item: Covered) -> TargetEntry:
    return TargetEntry(kind=item.kind, name=item.name, digests=item.digests)


def _unreadable(item: Unreadable) -> UnreadableEntry:
    return UnreadableEntry(kind=item.kind, name=item.name, place=_place(item.place), message=item.message)


def _skipped(item: Skipped) -> SkippedEntry:
    return SkippedEntry(rule=item.rule.id, reason=item.reason)


def _place(place: Place) -> PlaceEntry:
    return PlaceEntry(file=place.file, line=place.line, column=place.column)
