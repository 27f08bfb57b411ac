# SPDX-License-Identifier: Apache-2.0
"""Everything one run found, and the figures that the budgets are about."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.batches import Alongside, Batched
from bench.growth import Found, Grown
from bench.ingest import Ingested
from bench.machine import Machine
from bench.serving import ECHO, KSERVE, OURS, SEED, Served
from bench.shared_dynamodb import DYNAMODB, OnDynamo
from bench.shared_log import InPostgres
from bench.sharing import POSTGRESQL


class Results(NamedTuple):
    """One run. ``absent`` says of each peer, and of each shared store, that could not be measured why."""

    started: str
    machine: Machine
    generator: str
    rounds: int
    seconds: float
    load_after: float
    absent: Mapping[str, str]
    serving: list[Served]
    batches: list[Batched]
    alongside: Alongside
    ingest: list[Ingested]
    growth: Grown
    postgresql: InPostgres | None
    dynamodb: OnDynamo | None
    served_bytes_per_prediction: float
    version_ms: float
    check_ms: float
    recomputation_ms: float

    def plain(self) -> dict[str, Any]:
        """Nested mappings and lists, for JSON."""
        found = _plain(self)
        assert isinstance(found, dict)
        return found


class Figure(NamedTuple):
    """One line of the table of budgets; ``found`` None = it could not be measured, and ``note`` says why."""

    what: str
    found: float | None
    unit: str
    budget: float
    at_least: bool
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept."""
        if self.found is None:
            return None
        return self.found >= self.budget if self.at_least else self.found <= self.budget


def figures(results: Results) -> list[Figure]:
    """Every budget of the design that concerns service and sidecar, and those that wait for what is not built yet."""
    return [
        *_serving(results),
        *_batches(results),
        *_ingest(results),
        *_growth(results),
        *_shared(results),
        *_in_dynamodb(results),
        *_others(results),
    ]


def _serving(results: Results) -> list[Figure]:
    rows = {(row.server, row.connections): row for row in results.serving}
    ours, alone = rows[OURS, 64], rows[OURS, 1]
    found = []
    for peer, budget in ((SEED, 7.0), (KSERVE, 4.0), (ECHO, 0.75)):
        row = rows.get((peer, 64))
        note = results.absent.get(peer, "") if row is None else f"{ours.rate:,.0f} / {row.rate:,.0f} requests/s"
        ratio = None if row is None else ours.rate / row.rate
        found.append(Figure(f"`POST /predict`, 64 connections, against {peer}", ratio, "×", budget, True, note))
    spread = f"p50 {ours.p50_ms:.2f} ms, p99 {ours.p99_ms:.2f} ms"
    found.append(Figure("… its p99 against its p50", ours.p99_ms / ours.p50_ms, "×", 2.5, False, spread))
    sync = f"a sync takes {results.machine.sync_ms:.2f} ms; the budget is for 0.2 ms"
    found.append(Figure("`POST /predict`, one connection, p50", alone.p50_ms, "ms", 1.0, False, sync))
    return found


def _batches(results: Results) -> list[Figure]:
    thousand = next(row for row in results.batches if row.rows == 1_000)
    single = results.alongside
    note = f"p50 {single.p50_ms:.1f} ms, p99 {single.p99_ms:.1f} ms, beside {single.batch_rate:,.0f} rows/s"
    return [
        Figure("batches of 1,000, durable predictions", thousand.rate, "/s", 20_000, True, "two connections"),
        Figure("single predictions meanwhile, p99 against p50", single.p99_ms / single.p50_ms, "×", 4.0, False, note),
    ]


def _ingest(results: Results) -> list[Figure]:
    rows = {row.group: row for row in results.ingest}
    return [
        Figure("sidecar ingest, groups of 64", rows[64].rate, "spans/s", 35_000, True, _spent(rows[64])),
        Figure("sidecar ingest, groups of 1,024", rows[1_024].rate, "spans/s", 60_000, True, _spent(rows[1_024])),
        Figure("p99 of an acknowledgement, groups of 64", rows[64].p99_ms, "ms", 25, False, "four connections"),
    ]


def _spent(row: Ingested) -> str:
    return f"{row.cpu_us:.1f} µs of CPU a span"


def _growth(results: Results) -> list[Figure]:
    grown = results.growth
    first, last = early_rate(grown), late_rate(grown)
    note = f"{last:,.0f} / {first:,.0f} spans/s"
    told = f"ingest at {grown.records:,} records against 100,000 (the budget names 10,000,000)"
    found = [Figure(told, last / first, "×", 0.8, True, note)]
    found += [_question(question) for question in grown.questions if question.what != "receipt"]
    size = results.served_bytes_per_prediction
    note = f"in the log that the service wrote; {grown.bytes_per_record:,.0f} in the one that grew"
    return [*found, Figure("storage of a prediction, indexes included", size, "bytes", 500, False, note)]


def _question(question: Found) -> Figure:
    note = f"p99 {question.p99_ms:.2f} ms; log of {question.records:,}"
    return Figure(f"{question.what}, p50", question.p50_ms, "ms", 2, False, note)


def early_rate(grown: Grown) -> float:
    """The ingest rate while the log passed 100,000 records."""
    return _around(grown, 100_000)


def late_rate(grown: Grown) -> float:
    """The ingest rate at the end."""
    return _around(grown, grown.records)


def _around(grown: Grown, records: int) -> float:
    # The median of the three windows that lie closest: one slow second of the machine is not the log's doing.
    nearest = sorted(grown.windows, key=lambda window: abs(window.records - records))[:3]
    return sorted(window.rate for window in nearest)[len(nearest) // 2]


def _shared(results: Results) -> list[Figure]:
    found, whole, fair = (
        results.postgresql,
        "PostgreSQL store, 4 sidecars on one log",
        "… the slowest against the fastest",
    )
    if found is None:
        why = results.absent.get(POSTGRESQL, "")
        return [Figure(whole, None, "spans/s", 5_000, True, why), Figure(fair, None, "×", 0.5, True, why)]
    rows = {row.sidecars: row for row in found.sharing if row.store == POSTGRESQL}
    row, alone = rows[4], next(row for row in found.sharing if row.store != POSTGRESQL)
    beside = f"one alone {rows[1].rate:,.0f}; {alone.store}, one sidecar, {alone.rate:,.0f}"
    spread = f"{row.slowest:,.0f} / {row.fastest:,.0f} spans/s"
    return [
        Figure(whole, row.rate, "spans/s", 5_000, True, beside),
        Figure(fair, row.slowest / row.fastest, "×", 0.5, True, spread),
    ]


def _in_dynamodb(results: Results) -> list[Figure]:
    found, whole = results.dynamodb, "DynamoDB store, 10 sidecars on one log behind 5 ms, against one"
    fair, late = "… its slowest against its fastest", "… p99 of an acknowledgement"
    if found is None:
        why = results.absent.get(DYNAMODB, "")
        return [
            Figure(whole, None, "×", 1.0, True, why),
            Figure(fair, None, "×", 0.5, True, why),
            Figure(late, None, "ms", 2_000, False, why),
        ]
    rows = {row.sidecars: row for row in found.sharing if row.store == DYNAMODB}
    ten, one = rows[10], rows[1]
    counts = f"{ten.tries:.2f} tries and {ten.requests:.1f} requests a commit"
    return [
        Figure(whole, ten.rate / one.rate, "×", 1.0, True, f"{ten.rate:,.0f} / {one.rate:,.0f} spans/s"),
        Figure(fair, ten.slowest / ten.fastest, "×", 0.5, True, f"{ten.slowest:,.0f} / {ten.fastest:,.0f} spans/s"),
        Figure(late, ten.p99_ms, "ms", 2_000, False, counts),
    ]


def _others(results: Results) -> list[Figure]:
    return [
        Figure("`countersign --version`", results.version_ms, "ms", 100, False),
        Figure("`countersign check` without re-computation", results.check_ms, "ms", 500, False, "two bundles"),
        Figure("… with every figure computed again", results.recomputation_ms, "ms", 5_000, False, "two bundles"),
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(member) for name, member in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return round(value, 4) if isinstance(value, float) else value
