# SPDX-License-Identifier: Apache-2.0
"""The report as a page of Markdown: the summary of a CI job, or the body of a pull request.

Everything that comes from a card or a file is escaped, so that no text of a model can draw a link, an image or a table
of its own. GitHub drops a summary of more than 1 MiB whole, so the least severe findings are cut first, and counted.
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.output.outcome import Level, Remark, basis_counts, headline, outcome, remarks, standing
from policies.report import Case, Report, State
from policies.rules.judgement import Basis

MAX_BYTES: Final = 1 << 20
_RESERVE: Final = 256
"""Room for the line that says how much was cut."""

_MARK: Final = {"passed": "✅", "failed": "❌", "could not evaluate": "⛔"}
_HEADINGS: Final = {
    Level.ERROR: "Stops the release",
    Level.WARNING: "Does not stop the release",
    Level.NOTE: "Waived or still to come",
}
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|~!&$]|:(?=//)|(?<=www)\.|^[-+=]|(?<=^\d)[.)](?= )")
# GitHub looks for people and issues in the rendered text, where a backslash is gone; a comment keeps them apart.
_MENTION: Final = re.compile(r"[@#]")


def render(report: Report) -> str:
    """The page; never more than 1 MiB of UTF-8."""
    foot = "".join(_foot(report))
    page = "".join(_head(report))
    room = MAX_BYTES - _RESERVE - len(foot.encode("utf-8", "backslashreplace"))
    size = len(page.encode("utf-8", "backslashreplace"))
    found = remarks(report)
    parts: list[str] = []
    shown = 0
    for part in _findings(found, report):
        size += len(part.encode("utf-8", "backslashreplace"))
        if size > room:
            parts.append(f"\n\n{len(found) - shown} more findings are left out of this page; see the JSON report.\n")
            break
        parts.append(part)
        shown += part.startswith("| ")
    return (page + "".join(parts) + foot).encode("utf-8", "backslashreplace")[:MAX_BYTES].decode("utf-8", "ignore")


def _head(report: Report) -> Iterator[str]:
    bases = basis_counts(report)
    yield f"## {_MARK[outcome(report).value]} Gate: {_escaped(headline(report))}\n\n"
    for notice in report.notices:
        yield f"> {_escaped(notice)}\n\n"
    yield ", ".join(f"{bases[basis]} {basis.value}" for basis in Basis) + ".\n"


def _findings(found: list[Remark], report: Report) -> Iterator[str]:
    for level, heading in _HEADINGS.items():
        here = [remark for remark in found if remark.level is level]
        if not here:
            continue
        yield f"\n### {heading}\n\n"
        yield "Rule | Where | What and how to mend it\n---|---|---\n"
        for remark in here:
            yield _row(remark, report)


def _row(remark: Remark, report: Report) -> str:
    case = remark.case
    stands = None if case is None else standing(case, report)
    rule = remark.title if case is None else f"{case.rule.id} ({case.rule.severity.value}) {remark.title}"
    text = remark.message if stands is None else f"{remark.message} ({stands})"
    return f"| {_escaped(rule)} | {_escaped(str(remark.place))} | {_escaped(text)} |\n"


def _foot(report: Report) -> Iterator[str]:
    yield "\n### What was judged\n\n"
    for item in report.targets:
        yield f"- {item.kind} {_escaped(item.name)}\n"
        for part, digest in sorted(item.digests.items()):
            yield f"  - {_escaped(part)} sha256 {digest}\n"
    for lost in report.unreadable:
        yield f"- {lost.kind} {_escaped(lost.name)}: cannot be read\n"
    for use in report.waivers:
        line = f"waiver {use.id} for {use.rule}: {use.state}, expires {use.expires}: {use.reason}"
        yield f"- {_escaped(line)}\n"
    yield from _details("Not evaluated", [f"{item.rule.id}: {item.reason}" for item in report.skipped])
    yield from _details(
        "Not applicable",
        [f"{case.rule.id} on {case.target}: {case.note}" for case in _in(report, State.NOT_APPLICABLE)],
    )
    yield from _details(
        "Passed",
        [
            f"{case.rule.id} on {case.target}, {case.basis.value}: {case.note or case.rule.title}"
            for case in _in(report, State.PASS)
        ],
    )
    law = f"law as of {report.law.as_of}, " if report.law.sources else ""
    yield f"\nCountersign {_escaped(report.version)}, {law}policy pack sha256 {report.pack_digest}\n"


def _in(report: Report, state: State) -> list[Case]:
    return [case for case in report.cases if case.state is state]


def _details(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"\n<details><summary>{title}: {len(lines)}</summary>\n\n"
        yield "".join(f"- {_escaped(line)}\n" for line in lines)
        yield "\n</details>\n"


def _escaped(text: str) -> str:
    return _MENTION.sub(r"\g<0><!-- -->", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))
