# SPDX-License-Identifier: Apache-2.0
"""A log that grows to a million records and more through the sidecar's door: rates, look-ups, proofs, size, fsck."""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from audit_sidecar.query.evidence import Evidence
from audit_sidecar.stores.url import open_reader
from bench.errors import BenchFailed
from bench.ingest import CONNECTIONS, feed
from bench.process import ROOT
from bench.producer import Predictions, Producer
from bench.stack import Running, running

GROUP: Final = 512
STEP: Final = 50_000
"""Records between two looks at the rate."""
_KEPT_IDS: Final = 500
_LOOKUPS: Final = 400
_FSCK_RECORDS: Final = 100_000
T = TypeVar("T")


class Window(NamedTuple):
    """The ingest rate over the ``STEP`` records before the log had ``records``."""

    records: int
    rate: float


class Found(NamedTuple):
    """How long a question takes on a log of ``records``, in milliseconds, asked straight of the store."""

    what: str
    records: int
    p50_ms: float
    p99_ms: float


class Grown(NamedTuple):
    """Everything that was seen. ``bytes_per_record`` is of the closed store file, all indexes included."""

    windows: list[Window]
    questions: list[Found]
    bytes_per_record: float
    records: int
    sidecar_cpu_us: float
    sidecar_memory_mb: float
    fsck_rate: float
    fsck_records: int


def measure(folder: Path, predictions: Predictions, records: int) -> Grown:
    """Grow one log to ``records``, then ask it."""
    with running(folder / "growth", with_service=False) as stack:
        feeding = Feeding(stack.state.socket, predictions)
        before = stack.sidecar.cpu_seconds()
        windows = [feeding.step() for _ in range(records // STEP)]
        cpu = (stack.sidecar.cpu_seconds() - before) / feeding.records * 1e6
        memory = stack.sidecar.memory_mb()
        time.sleep(1.5)  # until a checkpoint covers the last records
        questions = _ask(stack, feeding.ids, feeding.records)
    size = stack.state.store_file.stat().st_size
    fsck_rate = _fsck(folder, predictions)
    return Grown(windows, questions, size / feeding.records, feeding.records, cpu, memory, fsck_rate, _FSCK_RECORDS)


class Feeding:
    """Long streams, a piece at a time; ``ids`` is a sample of request ids over the whole log."""

    def __init__(self, socket: Path, predictions: Predictions) -> None:
        self.ids: list[bytes] = []
        self.records = 0
        self._socket = socket
        self._predictions = predictions

    def step(self) -> Window:
        """Send `STEP` records, made beforehand, on streams of their own."""
        exports = -(-STEP // (GROUP * CONNECTIONS))
        streams = [list(self._stream(exports)) for _ in range(CONNECTIONS)]
        fed = feed(self._socket, streams, GROUP)
        self.records += fed.spans
        return Window(self.records, fed.rate)

    def _stream(self, exports: int) -> Iterator[bytes]:
        producer = Producer(self._predictions)
        yield producer.opening()
        for export in islice(producer.exports(GROUP), exports):
            self.ids += producer.ids[:1]
            yield export


def _ask(stack: Running, ids: list[bytes], records: int) -> list[Found]:
    evidence = Evidence(open_reader(stack.state.store))
    sample = random.Random(3).sample(ids, min(len(ids), _KEPT_IDS))  # noqa: S311  (a sample, not a secret)
    asked: list[tuple[str, Callable[[bytes], object]]] = [
        ("look-up by request id", evidence.show),
        ("inclusion proof", evidence.proof),
        ("receipt", evidence.receipt),
    ]
    return [timed(what, islice(cycle(sample), _LOOKUPS), ask, records) for what, ask in asked]


def timed(what: str, about: Iterable[T], ask: Callable[[T], object], records: int) -> Found:
    """Ask a log of ``records`` about each in turn."""
    times: list[float] = []
    for one in about:
        start = time.perf_counter()
        ask(one)
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return Found(what, records, statistics.median(times), times[len(times) * 99 // 100])


def _fsck(folder: Path, predictions: Predictions) -> float:
    with running(folder / "fsck", with_service=False) as stack:
        feeding = Feeding(stack.state.socket, predictions)
        while feeding.records < _FSCK_RECORDS:
            feeding.step()
        records = feeding.records
    command = ["-m", "countersign", "audit", "fsck", stack.state.store, "--key", str(stack.state.log_vkey)]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise BenchFailed(f"fsck refused the log that was just written: {done.stderr.strip()[-300:]}")
    return records / (time.perf_counter() - start)
