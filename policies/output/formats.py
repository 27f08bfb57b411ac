# SPDX-License-Identifier: Apache-2.0
"""The formats in which a report is written. Each is one module with a pure function ``render(report) -> str``.

A format is imported when it is asked for. No format decides anything: whether a run passed, what blocks and what was
waived stands in the report, so every format tells the same story and the exit code depends on none of them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple, TypeAlias

from policies.report import Report

Render: TypeAlias = Callable[[Report], str]


class Format(NamedTuple):
    """``module`` is the file in policies/output; ``summary`` says what the format is for."""

    module: str
    summary: str


FORMATS: Final = {
    "text": Format("text", "for people, at a terminal"),
    "json": Format("json_report", "everything the gate knows, for programs; docs/schema/report.schema.json"),
    "sarif": Format("sarif", "SARIF 2.1.0, for code scanning"),
    "junit": Format("junit", "JUnit XML, for test reports of a CI"),
    "github": Format("github", "annotations on a pull request, as workflow commands of GitHub Actions"),
    "markdown": Format("markdown", "a summary page of a CI job or the body of a pull request"),
    "cyclonedx": Format("cyclonedx", "CycloneDX 1.7 ML-BOM of the models that were judged"),
}


def renderer(name: str) -> Render:
    """The function that writes a report in the format of this name, which is a key of `FORMATS`.

    What it gives can always be written as UTF-8: the name of a file or of an author need not be, and where it is not,
    it is shown with an escape, which JSON reads as one.
    """
    render: Render = import_module(f"policies.output.{FORMATS[name].module}").render
    return lambda report: render(report).encode("utf-8", "backslashreplace").decode("utf-8")
