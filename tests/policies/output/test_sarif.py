# SPDX-License-Identifier: Apache-2.0
"""SARIF: what stands where, and what GitHub's code scanning takes."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policies.output.sarif import MAX_RESULTS, MAX_TAGS, relative_uri, render
from policies.report import Report
from policies.rules.rule import Control
from tests.policies.output.reports import CARD, FAILING, PASSING, failed, finding, incomplete, passed, rule


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(render(report))["runs"]
    assert isinstance(run, dict)
    return run


def test_every_result_writes_out_its_level_and_names_its_rule() -> None:
    """A reader that looks at ``result.level`` alone sees what blocks; the index leads to the same rule."""
    run = run_of(incomplete())
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert result["level"] in ("error", "warning", "note")
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {
        "GATE-UNJUDGED": "error",
        "PERF-001": "error",
        "APPR-005": "error",
        "FAIR-009": "warning",
        "FAIR-002": "note",
        "OPS-005": "note",
    }


def test_a_result_stands_at_the_value() -> None:
    """File, line and column are the finding's."""
    (result, _) = (item for item in run_of(failed())["results"] if item["ruleId"] == "APPR-005")
    (location,) = result["locations"]
    place = location["physicalLocation"]
    assert place["artifactLocation"] == {"uri": CARD}
    assert place["region"] == {"startLine": 42, "startColumn": 14}


def test_a_rule_has_its_page_severity_and_controls() -> None:
    """The page is the help; the severity is a number that GitHub sorts by."""
    rules = {item["id"]: item for item in run_of(failed())["tool"]["driver"]["rules"]}
    card = rules["CARD-003"]
    assert card["help"]["markdown"] == "## What it checks\nThe digest."
    assert card["properties"]["security-severity"] == "9.0"
    assert "eu-ai-act: Article 15(5)" in card["properties"]["tags"]
    assert rules["FAIR-009"]["defaultConfiguration"]["level"] == "warning"
    assert set(rules) >= {"GIT-001", "PRIV-002"}


def test_a_waived_finding_is_suppressed_with_its_reason_and_its_end() -> None:
    """Only the waived one is."""
    results = run_of(failed())["results"]
    assert [item["ruleId"] for item in results if "suppressions" in item] == ["FAIR-002"]
    (suppression,) = next(item for item in results if item["ruleId"] == "FAIR-002")["suppressions"]
    assert suppression == {
        "kind": "external",
        "status": "accepted",
        "justification": "W-1: leaving rates differ by age",
        "properties": {"waiver": "W-1", "expires": "2027-01-31"},
    }


def test_what_was_not_judged_makes_the_execution_unsuccessful() -> None:
    """An error of a rule and a target that cannot be read are notifications, with where; otherwise there is none."""
    (invocation,) = run_of(incomplete())["invocations"]
    assert invocation["executionSuccessful"] is False
    errors = [item for item in invocation["toolExecutionNotifications"] if item["level"] == "error"]
    assert [item.get("associatedRule") for item in errors] == [None, {"id": "PERF-001"}]
    assert "duplicate key" in errors[0]["message"]["text"]
    region = errors[0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 5}
    (invocation,) = run_of(failed())["invocations"]
    assert invocation["executionSuccessful"] is True
    assert not [item for item in invocation["toolExecutionNotifications"] if item["level"] == "error"]


def test_notices_upcoming_duties_and_bases_are_told() -> None:
    """A demonstration key, a duty to come and what the passes rest on are not lost in this format."""
    run = run_of(passed())
    assert "demonstration key" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    upcoming = next(item for item in run["results"] if item["ruleId"] == "OPS-005")
    assert upcoming["properties"]["appliesFrom"] == "2027-12-02"
    assert "in 374 days" in upcoming["message"]["text"]
    assert run["properties"]["bases"] == {"verified": 2, "self-reported": 1, "absent": 1}
    assert run["properties"]["notEvaluated"] == ["GIT-001"]


def test_fingerprints_follow_a_finding_and_tell_two_apart() -> None:
    """A finding keeps its fingerprint when lines move; two of them have two; another rule has another."""
    one = msgspec.structs.replace(FAILING, findings=(finding(line=42), finding(line=60)))
    moved = msgspec.structs.replace(FAILING, findings=(finding(line=43), finding(line=61)))
    other = msgspec.structs.replace(one, rule=rule("APPR-006"))
    prints = [
        [item["partialFingerprints"]["primaryLocationLineHash"] for item in run_of(report)["results"]]
        for report in (msgspec.structs.replace(passed(), cases=(PASSING, case)) for case in (one, moved, other))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 2
    assert not set(prints[0]) & set(prints[2])


def test_paths_are_relative_to_the_current_folder(tmp_path: Path) -> None:
    """Without ``./``, whatever way the user named the bundle; a file elsewhere has an absolute URI."""
    assert relative_uri("models/a b/card.yaml", tmp_path) == "models/a%20b/card.yaml"
    assert relative_uri("./models/../models/card.yaml", tmp_path) == "models/card.yaml"
    assert relative_uri(str(tmp_path / "models" / "card.yaml"), tmp_path) == "models/card.yaml"
    assert relative_uri("../card.yaml", tmp_path) == (tmp_path.parent / "card.yaml").as_uri()


def test_limits_of_github() -> None:
    """5,000 results, 20 tags a rule, 10 MB packed: more is cut, the worst stay, and the reader is told."""
    long = tuple(finding("x" * 5_000, line) for line in range(1, MAX_RESULTS + 100))
    controls = tuple(Control("eu-ai-act", f"Article {number}") for number in (9, 10, 12, 13, 14, 15)) * 5
    slight = msgspec.structs.replace(FAILING, blocking=False, findings=long)
    slight = msgspec.structs.replace(slight, rule=msgspec.structs.replace(rule("FAIR-009"), controls=controls))
    text = render(msgspec.structs.replace(passed(), cases=(slight, FAILING)))
    run = json.loads(text)["runs"][0]
    assert len(run["results"]) == MAX_RESULTS
    assert run["results"][0]["level"] == "error"
    assert max(len(item["properties"]["tags"]) for item in run["tool"]["driver"]["rules"]) == MAX_TAGS
    assert len(gzip.compress(text.encode())) < 10_000_000
    assert "101 more findings" in run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]


@pytest.mark.parametrize("outcome", [passed, failed])
def test_passes_are_no_results(outcome: type) -> None:
    """Code scanning would show a pass as an alert."""
    assert "CARD-003" not in {item["ruleId"] for item in run_of(outcome())["results"]}
