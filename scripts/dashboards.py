# SPDX-License-Identifier: Apache-2.0
"""Write the dashboards of the chart, as Grafana reads them: for the service, its evidence and its model.

Nothing here is drawn by hand in Grafana and exported: a panel is a title, a sentence, a unit and its queries.
``--check`` writes nothing and fails where a file is not what the code gives.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from contracts.metrics import BUILD_INFO
from scripts.evidence_panels import EVIDENCE
from scripts.model_panels import MODEL
from scripts.panel import OF_RELEASE, Dashboard, Panel
from scripts.service_panels import SERVICE

FOLDER: Final = Path(__file__).parents[1] / "charts" / "countersign" / "dashboards"
DASHBOARDS: Final = (SERVICE, EVIDENCE, MODEL)
WIDTH: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

Place = tuple[int, int, int, int]
"""Column, row, width and height in Grafana's grid."""


def main() -> int:
    """Write the files, or with ``--check`` compare them; 1 when one is stale."""
    stale = [each for each in DASHBOARDS if not _is(path_of(each), text_of(each))]
    if sys.argv[1:] == ["--check"]:
        for each in stale:
            print(f"{path_of(each).name} is stale; run 'make reference'", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in stale:
        path_of(each).write_text(text_of(each), "utf-8")
    return 0


def path_of(dashboard: Dashboard) -> Path:
    """Its file."""
    return FOLDER / f"{dashboard.name}.json"


def text_of(dashboard: Dashboard) -> str:
    """Its file's content: a dashboard as Grafana 10 and later import it."""
    return json.dumps(_document(dashboard), indent=1, ensure_ascii=False) + "\n"


def placed(panels: tuple[Panel, ...]) -> list[Place]:
    """Where each panel lies: side by side as long as there is room, numbers in rows half as high."""
    places: list[Place] = []
    x, y = 0, 0
    for panel in panels:
        if x + panel.width > WIDTH:
            x, y = 0, y + places[-1][3]
        places.append((x, y, panel.width, 4 if panel.kind == "stat" else 8))
        x += panel.width
    return places


def _document(dashboard: Dashboard) -> dict[str, Any]:
    places = placed(dashboard.panels)
    panels = [_panel(*each) for each in zip(dashboard.panels, range(1, len(places) + 1), places, strict=True)]
    return {
        "uid": f"countersign-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.text,
        "tags": ["countersign"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "Countersign", "tags": ["countersign"], "asDropdown": False,
             "includeVars": True, "keepTime": True},
        ],
        "templating": {"list": _variables(dashboard.of_model)},
        "panels": panels,
    }  # fmt: skip


def _panel(panel: Panel, number: int, place: Place) -> dict[str, Any]:
    x, y, width, height = place
    instant = panel.kind != "timeseries"
    options: dict[str, Any] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    if panel.kind == "stat":
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "textMode": "auto"}
    document: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": {"h": height, "w": width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {} if panel.kind == "table" else options,
        "targets": [
            {
                "refId": chr(ord("A") + letter),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": instant,
                "range": not instant,
                "exemplar": panel.exemplars,
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for letter, query in enumerate(panel.queries)
        ],
    }
    if panel.kind == "table":
        hidden = {"Time": True}
        document["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return document


def _variables(of_model: bool) -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}
    asked = [
        ("namespace", "Namespace", f"label_values({BUILD_INFO}, namespace)"),
        ("job", "Release", f'label_values({BUILD_INFO}{{namespace=~"$namespace"}}, job)'),
    ]
    if of_model:
        asked.append(("model", "Model", f"label_values({BUILD_INFO}{{{OF_RELEASE}}}, model)"))
    return [source] + [
        {
            "name": name, "label": label, "type": "query", "datasource": _SOURCE, "query": query, "definition": query,
            "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }
        for name, label, query in asked
    ]  # fmt: skip


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
