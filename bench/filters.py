# SPDX-License-Identifier: Apache-2.0
"""How long the filters of a search take on a log, asked straight of the store; the newest page of a hundred each."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

from audit_sidecar.stores.store import Search, StoredRecord, StoreReader
from bench.growth import Found

_PAGE: Final = 100
_TIMES: Final = 40
_PERIOD: Final = 1_000_000_000


def measure(reader: StoreReader, records: int) -> list[Found]:
    """Every filter on a log of so many records, with values of records drawn from all of it."""
    draw = random.Random(5)  # noqa: S311  (a sample, not a secret)
    drawn = [next(reader.records(at, at + 1)) for at in draw.sample(range(records // 10, records), _TIMES)]
    subjects = [
        found.subject for one in drawn for found in reader.findings(one.leaf_index, one.leaf_index + 1).values()
    ]
    periods = [Search(start=one.leaf.time, stop=one.leaf.time + _PERIOD) for one in drawn]
    model = [Search(model="telecom-churn", start=period.start, stop=period.stop) for period in periods]
    asked: list[tuple[str, Sequence[Search], Callable[[Search], object]]] = [
        ("a page by subject", [Search(subject=subject) for subject in subjects if subject], _page(reader)),
        ("a page by request id", [Search(request_id=one.leaf.trace) for one in drawn], _page(reader)),
        ("a page of a model in one second", model, _page(reader)),
        ("a page by label and score", [Search(label="churn", min_score=0.9)] * 5, _page(reader)),
        ("the newest page of predictions", [Search(kind="prediction")] * _TIMES, _page(reader)),
        ("a page of a kind there is none of", [Search(kind="override")] * 3, _page(reader)),
        ("the count of one second", periods, reader.count),
        ("the count of all predictions", [Search(kind="prediction")] * 3, reader.count),
    ]
    return [_timed(what, searches, ask, records) for what, searches, ask in asked]


def _page(reader: StoreReader) -> Callable[[Search], list[StoredRecord]]:
    return lambda search: [record for record, _ in reader.search(search, _PAGE)]


def _timed(what: str, searches: Sequence[Search], ask: Callable[[Search], object], records: int) -> Found:
    times: list[float] = []
    for search in searches:
        start = time.perf_counter()
        ask(search)
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return Found(what, records, statistics.median(times), times[len(times) * 99 // 100])
