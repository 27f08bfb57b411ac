# SPDX-License-Identifier: Apache-2.0
"""Recordings and alerts: promtool takes them, each alert is seen to fire and to be silent, and has a page to act by."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contracts import metrics
from contracts.deployment import MONITOR_ANNOTATION
from tests.charts.rendering import CHART, HELMS, WHOLE, one, scenario, template
from tests.conformance.outside import run
from tests.tree import ROOT

RULES: Final = tuple(sorted((CHART / "rules").glob("*.yaml")))
UNIT_TESTS: Final = tuple(sorted((ROOT / "tests" / "charts" / "rules").glob("*.yaml")))
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
WITHOUT_ALERT: Final = {"lost-log"}
"""Pages that other pages lead to."""
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_SUFFIX: Final = re.compile(r"_(bucket|count|sum)$")

Rule = dict[str, Any]


def by_name(file: Path) -> str:
    return file.stem


def rules() -> Iterator[Rule]:
    """Every rule of every file."""
    for file in RULES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[Rule]:
    """The rules that are alerts."""
    return [rule for rule in rules() if "alert" in rule]


def succeeded(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("file", RULES, ids=by_name)
def test_prometheus_takes_the_rules(file: Path) -> None:
    """As files, the way a Prometheus outside of Kubernetes reads them."""
    succeeded(run("promtool", "check", "rules", str(file)))


@pytest.mark.parametrize("file", UNIT_TESTS, ids=by_name)
def test_alerts_fire_and_stay_silent(file: Path) -> None:
    """promtool evaluates the rules over made series; what is expected stands in the file."""
    succeeded(run("promtool", "test", "rules", str(file)))


def test_each_alert_has_a_test_that_fires_and_one_that_does_not() -> None:
    """An alert in several windows fires in each; being silent is shown at least once."""
    fires: set[tuple[str, str | None]] = set()
    silent: set[str] = set()
    for file in UNIT_TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            alert, verb = re.match(r"(\w+) (fires|is silent): ", case["name"]).groups()  # type: ignore[union-attr]
            (asked,) = case["promql_expr_test"]
            assert f'ALERTS{{alertname="{alert}",alertstate="firing"' in asked["expr"]
            if verb == "is silent":
                assert "exp_samples" not in asked
                silent.add(alert)
                continue
            (sample,) = asked["exp_samples"]
            window = re.search(r'window="(\w+)"', sample["labels"])
            assert f'alertname="{alert}"' in sample["labels"]
            fires.add((alert, window.group(1) if window else None))
    assert fires == {(rule["alert"], rule["labels"].get("window")) for rule in alerts()}
    assert silent == {rule["alert"] for rule in alerts()}


def test_each_alert_says_what_it_is_and_leads_to_its_page() -> None:
    """Severity, summary, description and a runbook with all its parts; no page is left over."""
    for rule in alerts():
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert notes["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
        text = (ROOT / notes["runbook_url"]).read_text()
        assert re.findall(r"^#+ (.+)$", text, re.MULTILINE) == [
            rule["alert"], "What it means", "Look at", "Mend", "Do not",
        ]  # fmt: skip
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages - WITHOUT_ALERT == {rule["alert"] for rule in alerts()}


def test_the_list_of_runbooks_is_whole() -> None:
    """Each alert stands in it once, with the severities it has."""
    rows = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| ([a-z, ]+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    severities: dict[str, set[str]] = {}
    for rule in alerts():
        severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert rows == [(alert, ", ".join(sorted(found))) for alert, found in sorted(severities.items())]


def test_rules_ask_for_series_that_there_are() -> None:
    """Each series is one of the programs, of a recording or of Prometheus itself, and is asked of one release."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = {*metrics.SERVICE_METRICS, *metrics.SIDECAR_METRICS, *recorded, "up"}
    known.add("countersign_monitor_review_due_timestamp_seconds")
    for rule in rules():
        asked = _SELECTOR.findall(rule["expr"])
        assert asked, rule
        for name, matchers in asked:
            assert _SUFFIX.sub("", name) in known or name in known, name
            assert matchers.split(",")[0] == 'job=~".+"', rule
        without_selectors = _SELECTOR.sub(" ", rule["expr"])
        assert not re.search(r"countersign_|job:", without_selectors), rule


def test_the_chart_renders_the_rules_of_its_release(tmp_path: Path) -> None:
    """Nothing of another release is asked for, the pages have their address, and promtool takes the outcome."""
    spec = one(scenario(WHOLE), "PrometheusRule")["spec"]
    rendered = [rule for group in spec["groups"] for rule in group["rules"]]
    assert len(rendered) == len(list(rules())) + 3  # one alert more for the second review, and two days of review
    for rule in rendered:
        assert '=~".+"' not in rule["expr"]
        assert rule["expr"].count('namespace="ml-prod",job="countersign-audit"') == len(_SELECTOR.findall(rule["expr"]))
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"].startswith("https://git.example/countersign/blob/main/docs/")
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump(spec))
    succeeded(run("promtool", "check", "rules", str(file)))


def test_what_people_review_is_due_by_the_calendar() -> None:
    """The day of the last review and how long it holds make the moment of the alert, one for each monitor."""
    spec = one(scenario(WHOLE), "PrometheusRule")["spec"]
    (reviews,) = (group for group in spec["groups"] if group["name"] == "countersign-reviews")
    # 2026-11-23 and 92 days: 2027-02-23T00:00:00Z.
    assert [rule["expr"] for rule in reviews["rules"]] == ["vector(1803340800)"] * 2
    due = {rule["labels"]["monitor"] for rule in reviews["rules"]}
    overdue = [
        rule for group in spec["groups"] for rule in group["rules"] if rule.get("alert") == "CountersignMonitorOverdue"
    ]
    assert {rule["annotations"][MONITOR_ANNOTATION] for rule in overdue} == due
    assert all(f'monitor="{rule["annotations"][MONITOR_ANNOTATION]}"' in rule["expr"] for rule in overdue)


@pytest.mark.parametrize("program", HELMS)
@pytest.mark.parametrize(
    ("monitor", "said"),
    [
        ('{"metric":"recall","alert":"CountersignRecall"}', "no file in rules/ has an alert of that name"),
        ('{"metric":"recall","alert":"CountersignMonitorOverdue"}', "say when they last did"),
    ],
)
def test_a_monitor_that_nothing_watches_is_refused(monitor: str, said: str, program: str) -> None:
    """A name that is no alert's, or a review without a day, would watch nothing."""
    rendering = template(WHOLE, program=program, sets=(f"monitoring.monitors=[{monitor}]",))
    assert rendering.code != 0
    assert said in rendering.err


def test_the_values_of_the_document_render(tmp_path: Path) -> None:
    """What docs/dashboards.md says to set is what the chart takes."""
    shown = re.findall(r"```yaml\n(.+?)```", (ROOT / "docs" / "dashboards.md").read_text(), re.DOTALL)[0]
    file = tmp_path / "values.yaml"
    file.write_text(shown)
    objects = template(WHOLE, file).objects()
    assert len(one(objects, "PrometheusRule")["spec"]["groups"]) == len(
        one(scenario(WHOLE), "PrometheusRule")["spec"]["groups"]
    )
    assert one(objects, "ServiceMonitor")
