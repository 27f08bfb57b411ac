# SPDX-License-Identifier: Apache-2.0
"""The report as workflow commands of GitHub Actions, which show as annotations on the lines of a pull request.

GitHub shows 10 errors, 10 warnings and 10 notices of a step and drops the rest without a word, so the worst come
first and the last line says how many are only in the summary. A waived finding is a notice that says so.
"""

from typing import Final

from policies.output.outcome import Level, Remark, headline, remarks, standing
from policies.report import Report

MAX_EACH: Final = 10

_COMMAND: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def render(report: Report) -> str:
    """The commands, a line each, and a last line for the job's log."""
    shown: dict[Level, list[str]] = {level: [] for level in Level}
    for remark in remarks(report):
        shown[remark.level].append(_annotation(remark, report))
    for notice in report.notices:
        shown[Level.NOTE].append(f"::notice title=countersign::{_data(notice)}")
    lines = [line for level in Level for line in shown[level][:MAX_EACH]]
    lines.append(f"countersign: {_data(headline(report))}")
    dropped = [f"{len(found) - MAX_EACH} {_COMMAND[level]}s" for level, found in shown.items() if len(found) > MAX_EACH]
    if dropped:
        lines.append(f"countersign: {', '.join(dropped)} more in the summary")
    return "\n".join(lines) + "\n"


def _annotation(remark: Remark, report: Report) -> str:
    stands = None if remark.case is None else standing(remark.case, report)
    message = remark.message if stands is None else f"{remark.message} ({stands})"
    title = remark.title if remark.rule is None else f"{remark.rule} {remark.title}"
    place = remark.place
    where = f"file={_property(place.file)},line={place.line},col={place.column},title={_property(title)}"
    return f"::{_COMMAND[remark.level]} {where}::{_data(message)}"


def _data(text: str) -> str:
    """Line ends and percent signs as GitHub wants them; what would move a cursor in the log is shown as an escape."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
