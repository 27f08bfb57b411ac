# SPDX-License-Identifier: Apache-2.0
"""Write a run down: Markdown to read, JSON and CSV to compute with."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.growth import Grown
from bench.plot import plot
from bench.results import Figure, Results, figures
from bench.serving import OURS
from bench.shared_dynamodb import DYNAMODB, lines
from bench.shared_log import InPostgres
from bench.sharing import POSTGRESQL

_ABOUT = (
    "Ratios are of servers measured in turn within one run; absolute figures of different runs or machines say little."
)


def write(results: Results, folder: Path) -> str:
    """Write ``latest.{md,json,csv,svg}`` into ``folder``; the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(results)
    (folder / "latest.md").write_text(text, "utf-8")
    (folder / "latest.json").write_text(json.dumps(results.plain(), indent=1) + "\n", "utf-8")
    (folder / "latest.svg").write_text(plot(results), "utf-8")
    with (folder / "latest.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["figure", "found", "unit", "budget", "kept"])
        for figure in figures(results):
            rows.writerow([figure.what, _number(figure.found), figure.unit, _bound(figure), _verdict(figure)])
    return text


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [
        "# Benchmark",
        _facts(results),
        "## Budgets",
        _table(
            ("what", "found", "budget", "", "how"),
            ((f.what, f"{_number(f.found)} {f.unit}", _bound(f), _verdict(f), f.note) for f in figures(results)),
        ),
        "## One prediction a request",
        _serving(results),
        "## Batches of the service",
        _table(
            ("rows", "durable predictions/s", "slowest–fastest", "p50 ms", "p99 ms"),
            ((f"{r.rows:,}", f"{r.rate:,.0f}", f"{r.slowest:,.0f}–{r.fastest:,.0f}", _short(r.p50_ms), _short(r.p99_ms))
             for r in results.batches),
        ),
        "## Sidecar alone: acknowledged spans, four connections",
        _table(
            ("spans an export", "spans/s", "slowest–fastest", "p50 ms", "p99 ms", "CPU µs a span"),
            ((f"{r.group:,}", f"{r.rate:,.0f}", f"{r.slowest:,.0f}–{r.fastest:,.0f}", _short(r.p50_ms),
              _short(r.p99_ms), _short(r.cpu_us)) for r in results.ingest),
        ),
        "## Growth",
        _growth(results),
        "## One log in PostgreSQL",
        _shared(results),
        "## One log in DynamoDB",
        _in_dynamodb(results),
        "![requests per second by connections, and ingest as the log grows](latest.svg)",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _facts(results: Results) -> str:
    machine = results.machine
    lines = [
        f"{results.started}; {machine.cores} × {machine.processor}, {machine.memory_gb:g} GiB, Linux {machine.kernel}, "
        f"Python {machine.python}; {machine.file_system}, a sync takes {machine.sync_ms:.2f} ms "
        f"(p99 {machine.sync_p99_ms:.2f} ms); load average {machine.load_before:g} before, "
        f"{results.load_after:g} after.",
        f"Load: {results.generator}, varied bodies, loopback; medians of {results.rounds} interleaved rounds of "
        f"{results.seconds:g} s. {_ABOUT}",
    ]
    if machine.load_before > 1:
        lines.append("Other programs were running when this run began: its absolute figures are too low.")
    return "\n".join(lines)


def _serving(results: Results) -> str:
    rows = [
        (
            row.server, str(row.connections), f"{row.rate:,.0f}", f"{row.slowest:,.0f}–{row.fastest:,.0f}",
            _short(row.p50_ms), _short(row.p99_ms), " + ".join(f"{cpu:.0f}" for cpu in row.cpu_us),
            " + ".join(f"{memory:.0f}" for memory in row.memory_mb),
        )
        for row in results.serving
    ]  # fmt: skip
    rows += [
        (peer, "–", "–", "–", "–", "–", "–", f"not measured: {why}")
        for peer, why in results.absent.items()
        if peer not in (POSTGRESQL, DYNAMODB)
    ]
    table = _table(
        ("server", "connections", "requests/s", "slowest–fastest", "p50 ms", "p99 ms", "CPU µs", "memory MiB"), rows
    )
    return (
        f"Of `{OURS}` the first figure is the service's, the second the sidecar's. Only it keeps evidence.\n\n{table}"
    )


def _growth(results: Results) -> str:
    grown = results.growth
    rest = (
        f"{grown.bytes_per_record:,.0f} bytes a record on disk; {grown.sidecar_cpu_us:.1f} µs of sidecar CPU a record; "
        f"{grown.sidecar_memory_mb:.0f} MiB at the end. `audit fsck` of {grown.fsck_records:,} records: "
        f"{grown.fsck_rate:,.0f} records/s."
    )
    return f"{_as_it_grew(grown)}\n\n{rest}"


def _as_it_grew(found: Grown | InPostgres) -> str:
    windows = _table(
        ("records", "spans/s"), ((f"{window.records:,}", f"{window.rate:,.0f}") for window in found.windows)
    )
    questions = _table(
        ("asked of the store", "log of", "p50 ms", "p99 ms"),
        ((f.what, f"{f.records:,}", _short(f.p50_ms), _short(f.p99_ms)) for f in found.questions),
    )
    return f"{windows}\n\n{questions}"


def _shared(results: Results) -> str:
    found = results.postgresql
    if found is None:
        return f"Not measured: {results.absent.get(POSTGRESQL, '')}"
    sharing = _table(
        ("store", "sidecars", "spans/s", "slowest/fastest", "p50 ms", "p99 ms", "commit ms"),
        ((row.store, row.sidecars, f"{row.rate:,.0f}", f"{row.slowest / row.fastest:.2f}", _short(row.p50_ms),
          _short(row.p99_ms), _short(row.commit_ms)) for row in found.sharing),
    )  # fmt: skip
    about = (
        f"{found.version}, settings as shipped, on the disk of this machine; groups of 64, four connections a sidecar; "
        f"`commit ms` is the mean within a sidecar. It grew through one sidecar, and takes "
        f"{found.bytes_per_record:,.0f} bytes a record, indexes included."
    )
    return f"{about}\n\n{sharing}\n\n{_as_it_grew(found)}"


def _in_dynamodb(results: Results) -> str:
    found = results.dynamodb
    return f"Not measured: {results.absent.get(DYNAMODB, '')}" if found is None else "\n".join(lines(found))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _number(found: float | None) -> str:
    if found is None:
        return "–"
    return f"{found:,.0f}" if found >= 100 else f"{found:.2f}"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _bound(figure: Figure) -> str:
    return f"{'≥' if figure.at_least else '≤'} {figure.budget:,g}"


def _verdict(figure: Figure) -> str:
    return {True: "met", False: "not met", None: "not measured"}[figure.met]
