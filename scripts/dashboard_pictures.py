# SPDX-License-Identifier: Apache-2.0
"""Draw the dashboards as SVG from what a real Prometheus answered about a real stack under load.

It is no picture of Grafana, which has its own fonts and colours: titles, sentences, places, queries and data are the
dashboard's; the drawing is ours. Run by hand, for it takes minutes: ``python -m scripts.dashboard_pictures``.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from scripts.dashboards import DASHBOARDS, placed
from scripts.panel import Dashboard, Panel, Query
from scripts.watched import ROOT, Watched

FOLDER: Final = ROOT / "docs" / "pictures"
SECONDS: Final = 300
STEP: Final = 3.0
_CELL_WIDTH: Final = 50
_CELL_HEIGHT: Final = 30
_COLOURS: Final = ("#3366aa", "#cc5544", "#449955", "#aa7733", "#7755aa", "#447788", "#999999")
_SCALED: Final = {"reqps": "/s", "ops": "/s", "short": "", "bytes": "B", "d": " days", "percentunit": "%", "s": "s"}

Point = tuple[float, float]


class Line(NamedTuple):
    """A series with its name."""

    name: str
    points: list[Point]


class Box(NamedTuple):
    """Where something is drawn, in pixels."""

    x: float
    y: float
    width: float
    height: float


def main() -> None:
    """Five minutes of load, in which the sidecar is held for four seconds."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Watched(Path(folder), "1s") as stack:
        stack.load(SECONDS * 0.3, 15)
        stack.load(SECONDS * 0.3, 60)
        stack.hold_sidecar(4, 20)
        stack.load(SECONDS * 0.3, 35)
        for dashboard in DASHBOARDS:
            (FOLDER / f"dashboard-{dashboard.name}.svg").write_text(picture(dashboard, stack), "utf-8")


def picture(dashboard: Dashboard, stack: Watched) -> str:
    """One dashboard over the last minutes."""
    boxes = [
        Box(x * _CELL_WIDTH + 4, y * _CELL_HEIGHT + 34, width * _CELL_WIDTH - 8, height * _CELL_HEIGHT - 8)
        for x, y, width, height in placed(dashboard.panels)
    ]
    height = max(box.y + box.height for box in boxes) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 {height:.0f}" font-family="sans-serif">',
        f'<rect width="1200" height="{height:.0f}" fill="#f4f5f5"/>',
        _text(8, 22, f"{dashboard.title} — drawn from Prometheus' answers, not by Grafana", "#222", 15),
    ]
    drawn: dict[str, Callable[[Panel, Box, Watched], Iterator[str]]] = {
        "timeseries": _lines, "stat": _number, "table": _table,
    }  # fmt: skip
    for panel, box in zip(dashboard.panels, boxes, strict=True):
        parts.append(
            f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" fill="white" stroke="#ddd"/>'
        )
        parts.append(_text(box.x + 8, box.y + 16, panel.title, "#222", 12))
        parts += drawn[panel.kind](panel, box, stack)
    return "\n".join([*parts, "</svg>", ""])


def _asked(query: Query) -> str:
    expression = re.sub(r"\$(namespace|job|model)", ".*", query.expr)
    return expression.replace("$__rate_interval", "15s").replace("$__range", f"{SECONDS}s")


def _number(panel: Panel, box: Box, stack: Watched) -> Iterator[str]:
    for series in stack.query(_asked(panel.queries[0]))[:1]:
        label = "".join(f" {value}" for value in series["metric"].values())
        yield _text(box.x + 8, box.y + 66, shown(float(series["value"][1]), panel.unit) + label, "#3366aa", 28)


def _table(panel: Panel, box: Box, stack: Watched) -> Iterator[str]:
    for row, series in enumerate(stack.query(_asked(panel.queries[0]))[:8]):
        labels = "  ".join(f"{name}={value[:36]}" for name, value in sorted(series["metric"].items()))
        value = shown(float(series["value"][1]), panel.unit)
        yield _text(box.x + 8, box.y + 40 + 16 * row, f"{value}  {labels}"[: int(box.width / 6.6)], "#222")


def _lines(panel: Panel, box: Box, stack: Watched) -> Iterator[str]:
    lines = [
        Line(_named(query.legend, series["metric"]), [(float(at), float(value)) for at, value in series["values"]])
        for query in panel.queries
        for series in stack.history(_asked(query), SECONDS, STEP)
    ]
    lines = [Line(line.name, [point for point in line.points if point[1] == point[1]]) for line in lines]
    every = [point for line in lines for point in line.points]
    if not every:
        yield _text(box.x + 8, box.y + 60, "no data", "#888")
        return
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    most = max(value for _, value in every) or 1.0
    least = min(0.0, *(value for _, value in every))
    plot = Box(box.x + 64, box.y + 30, box.width - 76, box.height - 76)
    yield f'<path d="M{plot.x} {plot.y}V{plot.y + plot.height}H{plot.x + plot.width}" fill="none" stroke="#bbb"/>'
    yield _text(box.x + 8, plot.y + 8, shown(most, panel.unit), "#666")
    yield _text(box.x + 8, plot.y + plot.height, shown(least, panel.unit), "#666")
    for number, line in enumerate(lines):
        points = " ".join(
            f"{plot.x + plot.width * (at - first) / (last - first or 1):.1f},"
            f"{plot.y + plot.height * (1 - (value - least) / (most - least)):.1f}"
            for at, value in line.points
        )
        colour = _COLOURS[number % len(_COLOURS)]
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield from _legend(lines, box)


def _legend(lines: list[Line], box: Box) -> Iterator[str]:
    x, y = box.x + 8, box.y + box.height - 26
    for number, line in enumerate(lines):
        width = 7 * len(line.name) + 14
        if x + width > box.x + box.width and x > box.x + 8:
            x, y = box.x + 8, y + 14
        yield _text(x, y, f"– {line.name}", _COLOURS[number % len(_COLOURS)])
        x += width


def _named(legend: str, labels: dict[str, Any]) -> str:
    name = re.sub(r"\{\{(\w+)\}\}", lambda match: str(labels.get(match.group(1), "")), legend)
    return name or ", ".join(map(str, labels.values()))


def shown(value: float, unit: str) -> str:
    """A number as a person reads it: three digits, and the unit."""
    if unit == "percentunit":
        value *= 100
    if unit == "s" and abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    for bound, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= bound:
            size = {"k": 1e3}.get(sign, bound)
            return f"{value / size:.3g} {sign}{_SCALED[unit]}"
    return f"{value:.3g} {_SCALED[unit]}".strip()


def _text(x: float, y: float, text: str, colour: str, size: int = 11) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" font-size="{size}">{escape(text)}</text>'


if __name__ == "__main__":
    main()
