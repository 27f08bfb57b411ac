# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.sharing postgresql://…``: 1, 2 and 4 sidecars feed one log in an empty database; prints a table.

Every sidecar gets the same number of exports, on connections of its own, and is timed by itself: what a starved one
takes longer shows as its lower rate. All run on this machine, as do the server and the senders.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.stores.url import create_store, open_reader
from bench import ingest
from bench.errors import BenchFailed
from bench.process import Server
from bench.producer import Predictions
from contracts.address import free_ports
from contracts.errors import CountersignError
from countersign.commands.keygen import write_keys

_SIDECARS: Final = (1, 2, 4)


class Shared(NamedTuple):
    """One log with so many sidecars: acknowledged spans per second of all together, and of the slowest and fastest."""

    sidecars: int
    group: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float


def main() -> int:
    """Exit 0 when it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.sharing", description=__doc__)
    parser.add_argument("store", help="postgresql://user@host/database, without a log")
    parser.add_argument("--group", type=int, default=64, help="spans per export")
    parser.add_argument("--exports", type=int, default=60, help="per connection, of which a sidecar has four")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
            print("| sidecars | spans/s | slowest | fastest | slowest/fastest | p50 ms | p99 ms |\n" + "|---" * 7 + "|")
            for found in measure(Path(folder), arguments.store, arguments.group, arguments.exports):
                print(
                    f"| {found.sidecars} | {found.rate:,.0f} | {found.slowest:,.0f} | {found.fastest:,.0f} | "
                    f"{found.slowest / found.fastest:.2f} | {found.p50_ms:.1f} | {found.p99_ms:.1f} |",
                    flush=True,
                )
        print(f"size of the log: {open_reader(arguments.store).frontier().size:,}")
    except (BenchFailed, CountersignError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def measure(folder: Path, store: str, group: int, exports: int) -> Iterator[Shared]:
    """Make the log, then feed it through one sidecar, two and four."""
    create_store(store, write_keys("log.example.com/bench", folder).name)
    predictions = Predictions()
    for count in _SIDECARS:
        with sidecars(folder, store, count) as sockets, ThreadPoolExecutor(count) as threads:
            streams = [ingest.prepare(predictions, group, exports) for _ in sockets]
            started = time.perf_counter()
            fed = list(threads.map(ingest.feed, sockets, streams, [group] * count))
            yield summary(group, fed, time.perf_counter() - started)


def summary(group: int, fed: Sequence[ingest.Fed], seconds: float) -> Shared:
    """The time of all together ends with the last."""
    latencies = sorted(latency for one in fed for latency in one.latencies)
    everything = ingest.Fed(sum(one.spans for one in fed), seconds, latencies)
    rates = [one.rate for one in fed]
    return Shared(
        len(fed),
        group,
        everything.rate,
        min(rates),
        max(rates),
        everything.latency_ms(0.5),
        everything.latency_ms(0.99),
    )


@contextmanager
def sidecars(folder: Path, store: str, count: int) -> Iterator[list[Path]]:
    """Run so many on one log; their sockets."""
    with ExitStack() as closing:
        sockets = []
        for number, port in enumerate(free_ports(count)):
            socket, audit = folder / f"{count}-{number}.sock", f"127.0.0.1:{port}"
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
            sockets.append(socket)
        yield sockets


if __name__ == "__main__":
    sys.exit(main())
