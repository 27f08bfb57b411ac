# SPDX-License-Identifier: Apache-2.0
"""The report as SARIF 2.1.0, within what GitHub's code scanning takes.

Each finding is a result whose ``level`` is written out. What could not be judged is a result too, and a notification
of a run whose ``executionSuccessful`` is false, so that a reader of either sees that the gate did not pass. Waived
findings are results with an accepted suppression. Passes are no results: they are counted in the run's properties.
Paths are relative to ``root``, the current folder, without ``./``.
"""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from policies.output.json_report import rules_of
from policies.output.outcome import (
    Level,
    Remark,
    basis_counts,
    headline,
    outcome,
    remarks,
    standing,
    state_counts,
)
from policies.place import Place
from policies.report import Report, State
from policies.rules.judgement import Basis
from policies.rules.rule import Rule, Severity

# From the OASIS standard's own text, and what GitHub documents for uploads of SARIF files.
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
INFORMATION: Final = "https://countersign.dev/gate"
MAX_RESULTS: Final = 5_000
MAX_TAGS: Final = 20
MAX_TEXT: Final = 1_000
"""Longer messages are cut where they are shown."""

_SECURITY_SEVERITY: Final = {
    Severity.CRITICAL: "9.0",
    Severity.HIGH: "7.0",
    Severity.MEDIUM: "4.0",
    Severity.LOW: "1.0",
}
_UNJUDGED: Final = "GATE-UNJUDGED"
_UNJUDGED_HELP: Final = "What is not judged does not pass. Mend it where the message says."


def render(report: Report, root: Path | None = None) -> str:
    """The report as indented JSON that ends in a line feed."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, root or Path.cwd())]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def relative_uri(file: str, root: Path) -> str:
    """A file as code scanning finds it: relative to ``root`` and without ``./``; outside of it a ``file:`` URI."""
    path = Path(os.path.normpath(root / file))
    if path.is_relative_to(root):
        return quote(path.relative_to(root).as_posix(), errors="backslashreplace")
    return path.as_uri()


def _run(report: Report, root: Path) -> dict[str, Any]:
    found = remarks(report)
    shown = found[:MAX_RESULTS]
    rules = rules_of(report)
    index = {rule.id: position for position, rule in enumerate(rules)}
    descriptors = [_descriptor(rule, report) for rule in rules]
    if any(remark.rule is None for remark in found):
        index[_UNJUDGED] = len(descriptors)
        descriptors.append(_UNJUDGED_DESCRIPTOR)
    seen: Counter[str] = Counter()
    return {
        "tool": {
            "driver": {
                "name": "countersign",
                "informationUri": INFORMATION,
                "fullName": f"Countersign gate {report.version}",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": descriptors,
            }
        },
        "automationDetails": {"id": f"countersign/{report.profile.name}/"},
        "invocations": [_invocation(report, found, root)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(remark, report, root, index, seen) for remark in shown],
        "properties": {
            "outcome": outcome(report).value,
            "summary": headline(report),
            "asOf": report.as_of.isoformat(),
            "policyPack": report.pack_digest,
            "states": {state.value: state_counts(report)[state] for state in State},
            "bases": {basis.value: basis_counts(report)[basis] for basis in Basis},
            "notEvaluated": sorted(item.rule.id for item in report.skipped),
        },
    }


def _descriptor(rule: Rule, report: Report) -> dict[str, Any]:
    page = report.pages.get(rule.id, "").strip()
    tags = [f"{control.framework}: {control.reference}" for control in rule.controls]
    return {
        "id": rule.id,
        "shortDescription": {"text": _sentence(rule.title)},
        "fullDescription": {"text": _sentence(rule.title)},
        "help": {"text": page or rule.remediation, "markdown": page or rule.remediation},
        "defaultConfiguration": {"level": _default_level(rule, report).value},
        "properties": {
            "security-severity": _SECURITY_SEVERITY[rule.severity],
            "precision": "very-high",
            "tags": ["model-governance", *tags][:MAX_TAGS],
        },
    }


_UNJUDGED_DESCRIPTOR: Final = {
    "id": _UNJUDGED,
    "shortDescription": {"text": "Everything that was named can be judged."},
    "fullDescription": {"text": "Everything that was named can be judged."},
    "help": {"text": _UNJUDGED_HELP, "markdown": _UNJUDGED_HELP},
    "defaultConfiguration": {"level": "error"},
    "properties": {"security-severity": _SECURITY_SEVERITY[Severity.CRITICAL], "tags": ["model-governance"]},
}


def _default_level(rule: Rule, report: Report) -> Level:
    return Level.ERROR if rule.severity in report.profile.blocking else Level.WARNING


def _invocation(report: Report, found: list[Remark], root: Path) -> dict[str, Any]:
    broken = [remark for remark in found if _is_broken(remark)]
    notifications = [
        {
            "level": "error",
            "message": {"text": _cut(f"{remark.rule or remark.title}: {remark.message}")},
            "locations": [_location(remark.place, root)],
            **({} if remark.rule is None else {"associatedRule": {"id": remark.rule}}),
        }
        for remark in broken
    ]
    notifications += [{"level": "note", "message": {"text": notice}} for notice in report.notices]
    if len(found) > MAX_RESULTS:
        text = f"{len(found) - MAX_RESULTS} more findings, the least severe, are left out here; see --output json"
        notifications.append({"level": "warning", "message": {"text": text}})
    return {"executionSuccessful": report.complete, "toolExecutionNotifications": notifications}


def _is_broken(remark: Remark) -> bool:
    return remark.case is None or remark.case.state is State.ERROR


def _result(remark: Remark, report: Report, root: Path, index: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    rule = remark.rule or _UNJUDGED
    stands = None if remark.case is None else standing(remark.case, report)
    text = remark.message if stands is None else f"{remark.message} ({stands})"
    fingerprint = _fingerprint(rule, remark)
    seen[fingerprint] += 1
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": remark.level.value,
        "message": {"text": _cut(text)},
        "locations": [_location(remark.place, root)],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:{seen[fingerprint]}"},
        **({} if remark.case is None else _of_case(remark, report)),
    }


def _of_case(remark: Remark, report: Report) -> dict[str, Any]:
    case = remark.case
    assert case is not None
    properties: dict[str, Any] = {
        "target": case.target,
        "state": case.state.value,
        "basis": case.basis.value,
        "blocking": case.blocking,
    }
    if case.upcoming is not None:
        properties["appliesFrom"] = case.upcoming.isoformat()
    return {"properties": properties, **({} if case.state is not State.WAIVED else _suppression(remark, report))}


def _suppression(remark: Remark, report: Report) -> dict[str, Any]:
    waiver = None if remark.case is None else remark.case.waiver
    entry: dict[str, Any] = {"kind": "external", "status": "accepted"}
    for use in report.waivers:
        if use.id == waiver:
            entry["justification"] = f"{use.id}: {use.reason}"
            entry["properties"] = {"waiver": use.id, "expires": use.expires.isoformat()}
    return {"suppressions": [entry]}


def _location(place: Place, root: Path) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": relative_uri(place.file, root)},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


def _fingerprint(rule: str, remark: Remark) -> str:
    """The same for the same finding wherever it moves in its file, so that an alert is not closed and opened again."""
    what = remark.message if remark.finding is None else remark.finding.message
    told = "\0".join((rule, remark.target, remark.place.file, what))
    return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _sentence(title: str) -> str:
    return f"{title[:1].upper()}{title[1:]}."


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
