# SPDX-License-Identifier: Apache-2.0
"""What every format says of a report in the same words and the same order: the outcome, the counts, the worst first.

Whether something blocks was decided by the runner. Nothing here, and no format, says that anything is compliant.
"""

from collections import Counter
from enum import Enum

from msgspec import Struct

from policies.place import Place
from policies.report import Case, Report, State
from policies.rules.judgement import Basis, Finding


class Outcome(Enum):
    """How a run ended. What could not be judged outweighs what failed: a broken run has no verdict on the rest."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "could not evaluate"


class Level(Enum):
    """How loudly a reader is told, in the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Remark(Struct, frozen=True, kw_only=True):
    """One thing to show: a finding of a case, a case that ended in an error, or what no rule could judge at all."""

    level: Level
    rule: str | None
    """None where nothing was judged: a target that could not be read, or a run without anything to judge."""
    title: str
    place: Place
    message: str
    target: str
    case: Case | None = None
    finding: Finding | None = None


def outcome(report: Report) -> Outcome:
    """How the run ended."""
    if not report.complete:
        return Outcome.INCOMPLETE
    return Outcome.PASSED if report.passed else Outcome.FAILED


def headline(report: Report) -> str:
    """The outcome in one sentence, with the profile and the date it was judged for."""
    counts = state_counts(report)
    blocking = sum(case.blocking for case in report.cases)
    parts = [f"{counts[state]} {word}" for state, word in _WORDS.items() if counts[state]]
    if report.unreadable:
        parts.append(_plural(len(report.unreadable), "target") + " not readable")
    if report.skipped:
        parts.append(f"{_plural(len(report.skipped), 'rule')} not evaluated")
    sentence = f"{outcome(report).value}, profile {report.profile.name}, as of {report.as_of}: " + ", ".join(parts)
    return sentence + (f"; {blocking} blocking" if blocking else "")


def state_counts(report: Report) -> Counter[State]:
    """How many cases ended in each state."""
    return Counter(case.state for case in report.cases)


def basis_counts(report: Report) -> Counter[Basis]:
    """What the passes and failures rest on."""
    return Counter(case.basis for case in report.cases if case.state in (State.PASS, State.FAIL, State.WAIVED))


def level(case: Case) -> Level:
    """A case that stops the release is an error; a duty still to come and what is waived are notes."""
    if case.blocking or case.state is State.ERROR:
        return Level.ERROR
    if case.upcoming is not None or case.state is State.WAIVED:
        return Level.NOTE
    return Level.WARNING


def standing(case: Case, report: Report) -> str | None:
    """Why a failure does not stop the release, if it does not."""
    if case.state is State.WAIVED:
        return f"waived by {case.waiver}{_until(case, report)}"
    if case.upcoming is not None:
        days = (case.upcoming - report.as_of).days
        held = "; blocks all the same at this tier" if case.blocking else ""
        return f"upcoming: the duty applies from {case.upcoming}, in {_plural(days, 'day')}{held}"
    if case.state is State.FAIL and not case.blocking:
        return f"does not block under profile {report.profile.name}"
    return None


def explained(finding: Finding, case: Case) -> str:
    """A finding in full sentences: what is wrong, what was seen, what was wanted, how to mend it."""
    seen = "" if finding.seen is None else f"; seen: {finding.seen}"
    return f"{finding.message}{seen}; wanted: {finding.wanted}. {finding.mend or case.rule.remediation}"


def remarks(report: Report) -> list[Remark]:
    """Everything a reader has to be shown, worst first: unreadable, errors, then findings by level and severity."""
    unreadable = [
        Remark(
            level=Level.ERROR,
            rule=None,
            title=f"the {item.kind} target cannot be read",
            place=item.place,
            message=f"nothing about it was judged: {item.message}",
            target=item.name,
        )
        for item in report.unreadable
    ]
    found = unreadable + [remark for case in worst_first(report) for remark in _remarks(case)]
    if not report.complete and not any(remark.level is Level.ERROR for remark in found):
        found.insert(0, _NOTHING_JUDGED)
    return found


def worst_first(report: Report) -> list[Case]:
    """The cases with something to show, errors before failures, blocking before not, severe before slight."""
    shown = [case for case in report.cases if case.state in (State.FAIL, State.ERROR, State.WAIVED)]
    return sorted(
        shown,
        key=lambda case: (
            case.state is not State.ERROR,
            list(Level).index(level(case)),
            case.rule.severity.rank,
            case.rule.id,
            case.target,
        ),
    )


_NOTHING_JUDGED = Remark(
    level=Level.ERROR,
    rule=None,
    title="nothing was judged",
    place=Place("."),
    message="no rule applied to any target that was named; name a bundle, or another target",
    target="countersign",
)


def _remarks(case: Case) -> list[Remark]:
    if case.state is State.ERROR and not case.findings:
        return [
            Remark(
                level=Level.ERROR,
                rule=case.rule.id,
                title=case.rule.title,
                place=Place(case.target),
                message=f"the rule could not judge: {case.note or 'no reason was given'}",
                target=case.target,
                case=case,
            )
        ]
    return [
        Remark(
            level=level(case),
            rule=case.rule.id,
            title=case.rule.title,
            place=finding.place,
            message=explained(finding, case),
            target=case.target,
            case=case,
            finding=finding,
        )
        for finding in case.findings
    ]


def _until(case: Case, report: Report) -> str:
    for use in report.waivers:
        if use.id == case.waiver:
            return f" until {use.expires}: {use.reason}"
    return ""


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


_WORDS = {
    State.PASS: "passed",
    State.FAIL: "failed",
    State.ERROR: "ended in an error",
    State.WAIVED: "waived",
    State.NOT_APPLICABLE: "not applicable",
}
