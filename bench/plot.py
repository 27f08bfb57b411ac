# SPDX-License-Identifier: Apache-2.0
"""The run as one SVG: bars for each server, and the ingest rate as the log grows. No library needed."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from bench.results import Results
from bench.serving import CONNECTIONS

_WIDTH: Final = 760
_LEFT: Final = 150
_BAR: Final = 16
_GROUP: Final = 20
_CHART: Final = 160
_COLOURS: Final = {1: "#9ecae1", 16: "#4292c6", 64: "#084594"}


def plot(results: Results) -> str:
    """An SVG document."""
    bars, height = _bars(results)
    line = _growth(results, height + 40)
    total = height + 40 + _CHART + 40
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{total}" fill="white"/>'
    )
    return "\n".join([head, *bars, *line, "</svg>", ""])


def _bars(results: Results) -> tuple[list[str], int]:
    servers = list(dict.fromkeys(row.server for row in results.serving))
    rates = {(row.server, row.connections): row.rate for row in results.serving}
    scale = (_WIDTH - _LEFT - 80) / max(rates.values())
    shown = sorted(CONNECTIONS)
    legend = ", ".join(str(connections) for connections in shown)
    parts = [_text(10, 20, f"requests per second; {legend} connections from light to dark", weight="bold")]
    y = 36
    for server in servers:
        parts.append(_text(10, y + _BAR * len(shown) / 2 + 4, server))
        for connections in shown:
            rate = rates[server, connections]
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{max(1.0, rate * scale):.1f}" height="{_BAR - 2}" '
                f'fill="{_COLOURS[connections]}"/>'
            )
            parts.append(_text(_LEFT + rate * scale + 5, y + _BAR - 5, f"{rate:,.0f}"))
            y += _BAR
        y += _GROUP
    return parts, y


def _growth(results: Results, top: int) -> list[str]:
    windows = results.growth.windows
    most, longest = max(window.rate for window in windows), windows[-1].records
    points = [
        (_LEFT + (_WIDTH - _LEFT - 40) * window.records / longest, top + _CHART * (1 - window.rate / most))
        for window in windows
    ]
    title = _text(10, top - 14, "acknowledged spans per second as the log grows", weight="bold")
    axis = f'<path d="M{_LEFT} {top}V{top + _CHART}H{_WIDTH - 40}" fill="none" stroke="#666"/>'
    drawn = f'<polyline points="{_points(points)}" fill="none" stroke="#084594" stroke-width="2"/>'
    return [
        title, axis, drawn, _text(10, top + 10, f"{most:,.0f}"), _text(10, top + _CHART, "0"),
        _text(_WIDTH - 120, top + _CHART + 18, f"{longest:,} records"),
    ]  # fmt: skip


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}">{escape(text)}</text>'
