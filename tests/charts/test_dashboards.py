# SPDX-License-Identifier: Apache-2.0
"""Dashboards: what they ask is PromQL, is there, and is asked once; and a point leads to its record.

The live tests share one stack under load that a real Prometheus watches.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contracts.identifiers import uuid_text
from scripts.dashboards import DASHBOARDS, path_of, text_of
from scripts.panel import Dashboard, Panel, Query
from scripts.watched import RULES, Watched
from tests.charts.rendering import WHOLE, of, scenario
from tests.conformance.outside import outside, run
from tests.end_to_end.living import ask, await_true, await_value

QUERIES: Final = tuple(
    (dashboard, panel, query) for dashboard in DASHBOARDS for panel in dashboard.panels for query in panel.queries
)
PANELS: Final = tuple((dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels)
WITHOUT_DATA: Final = {("Time since", "witnesses"): "no witness cosigns on loopback"}
"""What the stack of these tests does not have, with the reason."""
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_GROUPED: Final = re.compile(r"\bby \(([^)]*)\)")


def asked(query: Query) -> str:
    """The query as Grafana sends it when everything is chosen and the range is short."""
    expression = re.sub(r"\$(namespace|job|model)", ".*", query.expr)
    return expression.replace("$__rate_interval", "3s").replace("$__range", "10s")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack that has answered for a few seconds, scraped four times a second."""
    outside("prometheus")
    with Watched(tmp_path_factory.mktemp("watched"), "250ms") as stack:
        stack.load(4, 30)
        # The last counts are scraped, and what is recorded from them is recorded.
        made = stack.query("sum(countersign_predictions_total)")[0]["value"][1]
        await_true(lambda: stack.query("sum(prediction_count)")[0]["value"][1] >= made, "recordings")
        yield stack


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_files_are_what_the_code_gives(dashboard: Dashboard) -> None:
    """Nobody edits the JSON; `make reference` writes it."""
    assert path_of(dashboard).read_text() == text_of(dashboard)


def test_every_query_is_promql(tmp_path: Path) -> None:
    """promtool takes each as the expression of a recording."""
    rules = [{"record": f"query_{number}", "expr": asked(query)} for number, (_, _, query) in enumerate(QUERIES)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    ran = run("promtool", "check", "rules", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_panels_differ_and_say_what_they_show() -> None:
    """No question is asked twice, no title used twice; each panel has a sentence and a unit."""
    expressions = [query.expr for _, _, query in QUERIES]
    titles = [panel.title for _, panel in PANELS]
    assert len(set(expressions)) == len(expressions)
    assert len(set(titles)) == len(titles)
    assert all(panel.text.endswith(".") and panel.unit for _, panel in PANELS)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_a_dashboard_hangs_together(dashboard: Dashboard) -> None:
    """Panels lie side by side within 24 columns, variables that are used are there, and exemplars are asked for."""
    document = json.loads(text_of(dashboard))
    names = {variable["name"] for variable in document["templating"]["list"]}
    assert {"datasource", "namespace", "job"} <= names
    assert ("model" in names) == dashboard.of_model
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel["targets"]:
            assert set(re.findall(r"\$([a-z]+)\b", target["expr"])) <= names
    drawn = {panel["title"] for panel in document["panels"] if any(t["exemplar"] for t in panel["targets"])}
    assert drawn == {panel.title for panel in dashboard.panels if panel.exemplars}


def test_the_chart_ships_them_for_the_sidecar_of_grafana() -> None:
    """Each file is a ConfigMap with the label that Grafana's sidecar looks for, byte for byte."""
    shipped = {
        name: text
        for item in of(scenario(WHOLE), "ConfigMap")
        if item["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in item["data"].items()
    }
    assert shipped == {f"{dashboard.name}.json": text_of(dashboard) for dashboard in DASHBOARDS}


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda each: getattr(each, "title", ""))
def test_every_panel_shows_data(watched: Watched, dashboard: Dashboard, panel: Panel) -> None:
    """Each query finds series in what the running programs expose, with every label that it groups by."""
    del dashboard
    for query in panel.queries:
        found = watched.query(asked(query))
        if (panel.title, query.legend) in WITHOUT_DATA:
            assert found == []
            continue
        assert found, query.expr
        grouped = {label.strip() for labels in _GROUPED.findall(query.expr) for label in labels.split(",")} - {"le"}
        shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        assert all(shown | grouped <= set(series["metric"]) for series in found), query.expr
        assert any(series["value"][1] != "NaN" for series in found), query.expr


def test_every_series_of_the_rules_is_exposed(watched: Watched) -> None:
    """Each selector of the alerts and recordings names a series that is there, and labels that it has."""
    for file in sorted(RULES.glob("*.yaml")):
        for rule in (rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]):
            for name, matchers in _SELECTOR.findall(rule["expr"]):
                labels = re.findall(r"(\w+)(?:=~|!=|=)", matchers)
                has = ",".join(f'{label}!=""' for label in labels)
                assert watched.query(f"{name}{{{has}}}"), f"{name}{{{has}}}"


def test_a_point_leads_to_its_record(watched: Watched) -> None:
    """An exemplar's trace id is the request id, and the audit API shows the record by either spelling."""
    points = watched.exemplars('countersign_request_duration_seconds_bucket{route="/predict"}')
    trace_id = points[-1]["trace_id"]
    for spelling in (trace_id, uuid_text(bytes.fromhex(trace_id))):
        shown = await_value(
            lambda spelling=spelling: ask("GET", f"{watched.stack.audit_url}/api/records/{spelling}"),  # type: ignore[misc]
            lambda reply: reply.status == 200,
        )
        assert (shown.status, shown.body["record"]["request_id"]) == (200, uuid_text(bytes.fromhex(trace_id)))


def test_an_alert_fires_in_a_real_prometheus(watched: Watched) -> None:
    """The overdue monitor of this stack, with the labels that the page needs."""
    found: list[dict[str, Any]] = watched.query('ALERTS{alertname="CountersignMonitorOverdue"}')
    assert [(alert["metric"]["alertstate"], alert["metric"]["severity"]) for alert in found] == [("firing", "ticket")]
