# SPDX-License-Identifier: Apache-2.0
"""How long the filters of a search take on a log, asked straight of the store: a page of a hundred, and the total."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from audit_sidecar.stores.store import Search, StoredRecord, StoreReader
from bench.growth import Found, timed

_PAGE: Final = 100
_TIMES: Final = 40
_SECOND: Final = 1_000_000_000
_MODEL: Final = Search(model="telecom-churn")


def measure(reader: StoreReader, records: int) -> list[Found]:
    """Every filter on a log of so many records, with values of records drawn from all of it."""
    draw = random.Random(5)  # noqa: S311  (a sample, not a secret)
    drawn = [next(reader.records(at, at + 1)) for at in draw.sample(range(records // 10, records), _TIMES)]
    subjects = [
        found.subject for one in drawn for found in reader.findings(one.leaf_index, one.leaf_index + 1).values()
    ]
    seconds = [Search(start=one.leaf.time, stop=one.leaf.time + _SECOND) for one in drawn]
    # A third of the log, from a drawn place to where the log went on for as long again.
    first, last = (next(reader.records(at, at + 1)).leaf.time for at in (records // 3, records * 2 // 3))
    version = next((count.state.model_version for count in reader.stream_counts(first, first + _SECOND)), None)
    asked: list[tuple[str, Sequence[Search]]] = [
        ("subject", [Search(subject=subject) for subject in subjects if subject]),
        ("subject in a second", [s._replace(subject=one) for s, one in zip(seconds, subjects, strict=False) if one]),
        ("request id", [Search(request_id=one.leaf.trace) for one in drawn]),
        ("kind", [Search(kind="prediction")] * _TIMES),
        ("kind there is none of", [Search(kind="override")] * _TIMES),
        ("model", [_MODEL] * _TIMES),
        ("model there is none of", [Search(model="nobody")] * _TIMES),
        ("model and version", [_MODEL._replace(version=version)] * _TIMES),
        ("label", [Search(label="churn")] * _TIMES),
        ("label and score", [Search(label="churn", min_score=at / 50 + 0.001) for at in range(25, 45)]),
        ("score above", [Search(min_score=at / 20 + 0.003) for at in range(20)]),
        ("score between", [Search(min_score=at / 20 + 0.003, max_score=at / 20 + 0.013) for at in range(20)]),
        ("score there is none of", [Search(min_score=1.5)] * _TIMES),
        ("one second", seconds),
        ("model in one second", [period._replace(model=_MODEL.model) for period in seconds]),
        ("kind in a third of the log", [Search(kind="prediction", start=first, stop=last)] * _TIMES),
        ("label and score in a third", [Search(label="churn", min_score=0.777, start=first, stop=last)] * 20),
        ("nothing", [Search()] * _TIMES),
    ]
    return [
        timed(f"{what}: {how}", searches, ask, records)
        for what, searches in asked
        for how, ask in (("page", _page(reader)), ("total", reader.count))
    ]


def _page(reader: StoreReader) -> Callable[[Search], list[StoredRecord]]:
    return lambda search: [record for record, _ in reader.search(search, _PAGE)]
