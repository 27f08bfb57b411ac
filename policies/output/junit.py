# SPDX-License-Identifier: Apache-2.0
"""The report as JUnit XML, as Jenkins' own schema has it: a suite for each target, a test case for each rule.

Only what stops a release is a failure or an error, so that a CI which counts failures agrees with the exit code.
Anything else that is no pass (waived, below the profile, not applicable) is skipped, with the reason as its text.
"""

from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from policies.output.outcome import Remark, basis_counts, explained, headline, remarks, standing
from policies.report import Case, Report, State
from policies.rules.judgement import Basis

_ALLOWED_CONTROLS: Final = frozenset("\t\n\r")


def render(report: Report) -> str:
    """The report as XML that ends in a line feed."""
    root = ET.Element("testsuites", {"name": f"countersign {report.profile.name}"})
    names = dict.fromkeys([*(item.name for item in report.targets), *(case.target for case in report.cases)])
    suites = [_suite(name, [case for case in report.cases if case.target == name], report) for name in names]
    suites += [_unjudged(remark, report) for remark in remarks(report) if remark.case is None]
    for number, suite in enumerate(suites):
        suite.set("id", str(number))
        root.append(suite)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(name: str, cases: list[Case], report: Report) -> ET.Element:
    suite = _empty_suite(name, report)
    for case in cases:
        suite.append(_case(case, report))
    _count(suite)
    _text(suite, "system-out", "\n".join(_told(report)))
    return suite


def _unjudged(remark: Remark, report: Report) -> ET.Element:
    suite = _empty_suite(remark.target, report)
    case = ET.SubElement(suite, "testcase", {"name": remark.title, "classname": "gate", "time": "0"})
    error = ET.SubElement(case, "error", {"type": "unjudged", "message": _clean(remark.message)})
    error.text = _clean(f"{remark.place}: {remark.message}")
    _count(suite)
    return suite


def _empty_suite(name: str, report: Report) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _clean(name), "time": "0"})
    suite.set("timestamp", f"{report.as_of}T00:00:00")
    properties = ET.SubElement(suite, "properties")
    bases = basis_counts(report)
    for key, value in {
        "profile": report.profile.name,
        "as_of": str(report.as_of),
        "policy_pack": report.pack_digest,
        "countersign": report.version,
        **{f"basis.{basis.value}": str(bases[basis]) for basis in Basis},
    }.items():
        ET.SubElement(properties, "property", {"name": key, "value": value})
    return suite


def _case(case: Case, report: Report) -> ET.Element:
    element = ET.Element(
        "testcase",
        {
            "name": _clean(f"{case.rule.id} {case.rule.title}"),
            "classname": f"gate.{case.rule.over}.{case.rule.id.partition('-')[0]}",
            "time": "0",
            "status": case.state.value,
        },
    )
    findings = "\n".join(f"{finding.place}: {explained(finding, case)}" for finding in case.findings)
    if case.state is State.ERROR:
        error = ET.SubElement(element, "error", {"type": "error", "message": _clean(case.note or "error")})
        error.text = _clean(findings or case.note or "")
    elif case.blocking:
        failure = ET.SubElement(
            element,
            "failure",
            {"type": case.rule.severity.value, "message": _clean("; ".join(item.message for item in case.findings))},
        )
        failure.text = _clean("\n".join(filter(None, (findings, standing(case, report)))))
    elif case.state is not State.PASS:
        _text(element, "skipped", "\n".join(filter(None, (standing(case, report) or case.note, findings))))
    if case.state is State.PASS:
        _text(element, "system-out", f"{case.basis.value}: {case.note or case.rule.title}")
    return element


def _told(report: Report) -> Iterable[str]:
    yield headline(report)
    yield from report.notices
    for use in report.waivers:
        yield f"waiver {use.id} for {use.rule}: {use.state}, expires {use.expires}: {use.reason}"
    for item in report.skipped:
        yield f"{item.rule.id} not evaluated: {item.reason}"


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    """XML 1.0 has no place for most control characters and none for surrogates; show them as what they are."""
    return "".join(char if _is_xml(char) else f"\\u{ord(char):04x}" for char in text)


def _is_xml(char: str) -> bool:
    if char < " ":
        return char in _ALLOWED_CONTROLS
    return not ("\ud800" <= char <= "\udfff" or char in "\ufffe\uffff")
