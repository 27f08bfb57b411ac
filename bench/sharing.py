# SPDX-License-Identifier: Apache-2.0
"""1, 2 and 4 sidecars feed one log in PostgreSQL, and one feeds a log in SQLite beside them.

``python -m bench.sharing`` does only this; with a store URL on that server, whose database must be empty. Every sidecar
gets the same number of exports, on connections of its own, and is timed by itself: what a starved one takes longer
shows as its lower rate. All run on this machine, as do the server and the senders.
"""

import argparse
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.stores.url import create_store
from bench import ingest, postgresql
from bench.environments import measured_in_scratch
from bench.process import Server
from bench.producer import Predictions
from contracts import metrics
from contracts.address import free_ports
from countersign.commands.keygen import write_keys

POSTGRESQL, SQLITE = "PostgreSQL", "SQLite"
SIDECARS: Final = (1, 2, 4)
_GROUP: Final = 64
_EXPORTS: Final = 60


class Shared(NamedTuple):
    """One log with so many sidecars: acknowledged spans per second of all together, and of the slowest and fastest.

    Latency is an export's, in milliseconds; ``commit_ms`` the mean time of a commit within its sidecar.
    """

    store: str
    sidecars: int
    group: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float
    commit_ms: float


def main() -> int:
    """Exit 0 when it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.sharing", description=__doc__)
    parser.add_argument("store", nargs="?", help="postgresql://user@host/database, without a log; else a new server")
    parser.add_argument("--group", type=int, default=_GROUP, help="spans per export")
    parser.add_argument("--exports", type=int, default=_EXPORTS, help="per connection, of which a sidecar has four")
    arguments = parser.parse_args()
    load = arguments.group, arguments.exports
    return measured_in_scratch("sharing", lambda folder: _tell(folder, arguments.store, load))


def _tell(folder: Path, store: str | None, load: tuple[int, int]) -> None:
    with ExitStack() as closing:
        if store is None:
            store = closing.enter_context(postgresql.running(folder)).create("sharing")
        print("| store | sidecars | spans/s | slowest/fastest | p50 ms | p99 ms | commit ms |\n" + "|---" * 7 + "|")
        for found in measure(folder, store, Predictions(), load):
            print(
                f"| {found.store} | {found.sidecars} | {found.rate:,.0f} | {found.slowest / found.fastest:.2f} | "
                f"{found.p50_ms:.1f} | {found.p99_ms:.1f} | {found.commit_ms:.1f} |",
                flush=True,
            )


def measure(
    folder: Path, store: str, predictions: Predictions, load: tuple[int, int] = (_GROUP, _EXPORTS)
) -> Iterator[Shared]:
    """Make both logs, then feed them; ``load`` is the spans of an export and the exports of a connection."""
    folder = folder / "shared"
    folder.mkdir()
    key = write_keys("log.example.com/bench", folder).name
    beside = f"sqlite:///{folder / 'beside.db'}"
    for url in (beside, store):
        create_store(url, key)
    for url, count in ((beside, 1), *((store, count) for count in SIDECARS)):
        name = SQLITE if url is beside else POSTGRESQL
        with sidecars(folder, url, count) as running:
            group, exports = load
            fed, rates = feed(running, [ingest.prepare(predictions, group, exports) for _ in running], group)
            seconds, number = map(sum, zip(*(commits(one.audit) for one in running), strict=True))
        yield Shared(
            name, count, group, fed.rate, min(rates), max(rates), fed.latency_ms(0.5), fed.latency_ms(0.99),
            seconds / number * 1e3,
        )  # fmt: skip


def feed(
    running: Sequence["Running"], streams: Sequence[Sequence[list[bytes]]], group: int
) -> tuple[ingest.Fed, list[float]]:
    """Feed all at once: what they took together, whose time ends with the last, and the rate of each."""
    started = time.perf_counter()
    with ThreadPoolExecutor(len(running)) as threads:
        fed = list(threads.map(ingest.feed, [one.socket for one in running], streams, [group] * len(running)))
    seconds = time.perf_counter() - started
    latencies = sorted(latency for one in fed for latency in one.latencies)
    return ingest.Fed(sum(one.spans for one in fed), seconds, latencies), [one.rate for one in fed]


class Running(NamedTuple):
    """Where a sidecar takes exports, and where its metrics are."""

    socket: Path
    audit: str


def commits(audit: str) -> tuple[float, float]:
    """Seconds that a sidecar's commits took altogether, and how many there were."""
    with urllib.request.urlopen(f"http://{audit}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    total, count = (
        next(float(line.split()[1]) for line in lines if line.startswith(f"{metrics.AUDIT_COMMIT}_{part} "))
        for part in ("sum", "count")
    )
    return total, count


@contextmanager
def sidecars(folder: Path, store: str, count: int) -> Iterator[list[Running]]:
    """Run so many on one log."""
    with ExitStack() as closing:
        running = []
        for number, port in enumerate(free_ports(count)):
            socket, audit = folder / f"{len(store)}-{count}-{number}.sock", f"127.0.0.1:{port}"
            command = [
                sys.executable,
                "-m",
                "countersign",
                "sidecar",
                "--store",
                store,
                "--key",
                str(folder / "log.key"),
            ]
            command += ["--otlp-http", f"unix:{socket}", "--audit", audit]
            server = Server("sidecar", command, f"http://{audit}/readyz", folder / f"{count}-{number}.log")
            server.start()
            closing.callback(server.stop)
            running.append(Running(socket, audit))
        yield running


if __name__ == "__main__":
    sys.exit(main())
