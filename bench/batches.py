# SPDX-License-Identifier: Apache-2.0
"""Batches of the service, and what single predictions feel of them meanwhile."""

import statistics
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import bodies
from bench.errors import BenchFailed
from bench.load import Shot, shoot
from bench.serving import Target
from contracts.metrics import EVIDENCE_BACKLOG, INFLIGHT_REQUESTS

ROWS: Final = (1, 100, 1_000, 10_000)
_SINGLES: Final = 8
_SETTLE_SECONDS: Final = 30


class Batched(NamedTuple):
    """Medians over rounds: durable predictions per second and milliseconds a batch."""

    rows: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float


class Alongside(NamedTuple):
    """Single predictions while batches of 1,000 run, medians over rounds, in milliseconds."""

    p50_ms: float
    p99_ms: float
    single_rate: float
    batch_rate: float


def measure(target: Target, folder: Path, rounds: int, seconds: float) -> list[Batched]:
    """One row per batch size."""
    url = f"{target.url}/batch"
    shots: dict[int, list[Shot]] = {rows: [] for rows in ROWS}
    files = {rows: _file(folder, rows) for rows in ROWS}
    for _ in range(rounds):
        for rows, taken in shots.items():
            taken.append(shoot(url, files[rows], connections(rows), seconds if rows < 10_000 else max(seconds, 6)))
            _settle(target)
    return [_summary(rows, taken) for rows, taken in shots.items()]


def alongside(target: Target, folder: Path, rounds: int, seconds: float) -> Alongside:
    """Singles over a few connections while another client sends batches of 1,000 rows."""
    file = _file(folder, 1_000)
    found: list[tuple[Shot, Shot]] = []
    for _ in range(rounds):
        batches: list[Shot] = []
        thread = threading.Thread(
            target=lambda into=batches: into.append(shoot(f"{target.url}/batch", file, connections(1_000), seconds))
        )
        thread.start()
        single = shoot(target.url, target.bodies, _SINGLES, seconds)
        thread.join()
        if not batches:
            raise BenchFailed("the batches beside single predictions were refused")
        found.append((single, batches[0]))
        _settle(target)
    return Alongside(
        statistics.median(single.p50_ms for single, _ in found),
        statistics.median(single.p99_ms for single, _ in found),
        statistics.median(single.rate for single, _ in found),
        statistics.median(batch.rate * 1_000 for _, batch in found),
    )


def connections(rows: int) -> int:
    """How many batches are asked for at once: the bound on unacknowledged records lets one of 10,000 in at a time."""
    return 2 if rows < 10_000 else 1


def _settle(target: Target) -> None:
    # Load that stops leaves batches behind that are still being recorded, and a full backlog refuses what comes next.
    metrics = f"{target.url.removesuffix('/predict')}/metrics"
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(metrics, timeout=_SETTLE_SECONDS) as answer:  # noqa: S310  (our own http URL)
            said = answer.read().decode()
        # The request for the metrics is the one that is under way.
        if f"\n{EVIDENCE_BACKLOG} 0.0\n" in said and f"\n{INFLIGHT_REQUESTS} 1.0\n" in said:
            return
        time.sleep(0.1)
    raise BenchFailed(f"{metrics}: records still wait {_SETTLE_SECONDS} s after the load has gone")


def _file(folder: Path, rows: int) -> Path:
    different = max(2, min(100, 20_000 // rows))
    made = (bodies.batch(bodies.accounts(rows, seed)) for seed in range(different))
    return bodies.write(folder / f"batch-{rows}.jsonl", made)


def _summary(rows: int, taken: Sequence[Shot]) -> Batched:
    rates = [shot.rate * rows for shot in taken]
    return Batched(
        rows,
        statistics.median(rates),
        min(rates),
        max(rates),
        statistics.median(shot.p50_ms for shot in taken),
        statistics.median(shot.p99_ms for shot in taken),
    )
