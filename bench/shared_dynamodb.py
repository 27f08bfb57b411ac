# SPDX-License-Identifier: Apache-2.0
"""1, 4 and 10 sidecars feed one log in DynamoDB Local behind 5 ms, and one feeds a log in SQLite beside them.

``python -m bench.shared_dynamodb`` does only this. Seconds are of this machine, on which DynamoDB Local, sidecars and
senders share the processors; what a commit and a prediction ask the service for is counted, and is so anywhere.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.stores.dynamodb.index_keys import AT, INDEXED, STREAMS
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.url import create_store, open_indexer, open_reader
from bench import ingest, sharing, slow_dynamodb
from bench.environments import measured_in_scratch
from bench.errors import BenchFailed
from bench.producer import Predictions
from bench.slow_dynamodb import Asked
from countersign.commands.keygen import write_keys

DYNAMODB, SQLITE = "DynamoDB", "SQLite"
SIDECARS: Final = (1, 4, 10)
_GROUP: Final = 16
_EXPORTS: Final = 40


class InDynamo(NamedTuple):
    """One log with so many sidecars; of SQLite, what is counted is nothing.

    ``rate`` is of all together, ``slowest`` and ``fastest`` of one sidecar, in acknowledged spans a second; latency is
    an export's. ``tries`` and ``requests`` are of a commit, ``service_ms`` DynamoDB Local's processor time for one, and
    write units those of a prediction in log, payloads and index.
    """

    store: str
    sidecars: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float
    tries: float = 0
    requests: float = 0
    service_ms: float = 0
    log_units: float = 0
    payload_units: float = 0


class Indexed(NamedTuple):
    """How fast an index is made anew, in leaves a second, behind the same latency; its items and write units a leaf."""

    leaves: int
    rate: float
    items: float
    units: float


class OnDynamo(NamedTuple):
    """Everything that was seen."""

    group: int
    sharing: list[InDynamo]
    indexed: Indexed


def main() -> int:
    """Exit 0 when it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.shared_dynamodb", description=__doc__)
    parser.add_argument("--group", type=int, default=_GROUP, help="spans per export")
    parser.add_argument("--exports", type=int, default=_EXPORTS, help="per connection, of which a sidecar has four")
    arguments = parser.parse_args()

    def tell(folder: Path) -> None:
        print("\n".join(lines(measure(folder, Predictions(), _say, arguments.exports, arguments.group))))

    return measured_in_scratch("dynamodb", tell)


def measure(
    folder: Path, predictions: Predictions, say: Callable[[str], None], exports: int = _EXPORTS, group: int = _GROUP
) -> OnDynamo:
    """One DynamoDB Local for all of it, a log for each row. BenchFailed where there is none."""
    folder, load = folder / "in-dynamodb", (group, exports)
    folder.mkdir()
    key = write_keys("log.example.com/dynamodb", folder).name
    with slow_dynamodb.running(folder) as asked:
        stores = [(SQLITE, f"sqlite:///{folder / 'beside.db'}", 1)]
        stores += [(DYNAMODB, f"dynamodb://bench{count}?region=eu-west-1", count) for count in SIDECARS]
        # What Java compiles while it is used for the first time is no figure of ours.
        warm = "dynamodb://warm?region=eu-west-1"
        for url in (warm, *(url for _, url, _ in stores)):
            create_store(url, key)
        say("DynamoDB Local: warming up")
        _fed(folder, warm, 2, predictions, load, asked)
        found = []
        for store, url, count in stores:
            say(f"{store}: {count} on one log")
            found.append(_row(store, asked, *_fed(folder, url, count, predictions, load, asked)))
        say("DynamoDB Local: the index anew")
        return OnDynamo(group, found, _indexed(stores[-1][1], asked))


def _fed(
    folder: Path, url: str, count: int, predictions: Predictions, load: tuple[int, int], asked: Asked
) -> tuple[ingest.Fed, list[float]]:
    """What all sidecars took together, and the rate of each."""
    group, exports = load
    with sharing.sidecars(folder, url, count) as running:
        streams = [ingest.prepare(predictions, group, exports) for _ in running]
        asked.reset()
        return sharing.feed(running, streams, group)


def _row(store: str, asked: Asked, fed: ingest.Fed, rates: list[float]) -> InDynamo:
    row = InDynamo(store, len(rates), fed.rate, min(rates), max(rates), fed.latency_ms(0.5), fed.latency_ms(0.99))
    if not asked.commits:
        return row
    return row._replace(
        tries=asked.inserts["log"] / asked.commits,
        requests=asked.requests / asked.commits,
        service_ms=asked.cpu_seconds / asked.commits * 1e3,
        log_units=asked.units["log"] / fed.spans,
        payload_units=asked.units["payload"] / fed.spans,
    )


def _indexed(url: str, asked: Asked) -> Indexed:
    requests = Requests(parse_location(url))
    state = requests.location.state
    for item in list(requests.scan(state)):
        pk = item["pk"]["S"]
        if "#" in pk or pk in (AT, STREAMS, INDEXED["pk"]["S"]):
            requests._client.delete_item(TableName=state, Key={"pk": item["pk"], "sk": item["sk"]})
    size = open_reader(url).frontier().size
    indexer = open_indexer(url)
    if indexer is None:
        raise BenchFailed("the store makes no index of its own")
    asked.reset()
    started = time.perf_counter()
    while (lag := indexer.catch_up()).commits:
        pass
    seconds, leaves = time.perf_counter() - started, size - lag.leaves
    return Indexed(leaves, leaves / seconds, asked.inserts["state"] / leaves, asked.units["state"] / leaves)


def lines(found: OnDynamo) -> Iterator[str]:
    """As Markdown."""
    yield (
        f"Behind {slow_dynamodb.LATENCY * 1e3:g} ms; four connections a sidecar, {found.group} spans an export, one "
        "export in flight on each."
    )
    yield ""
    yield (
        "| store | sidecars | spans/s | slowest/fastest | p50 ms | p99 ms | tries a commit | requests a commit | "
        "service CPU ms a commit | write units a prediction, log + payload |"
    )
    yield "|---" * 10 + "|"
    for row in found.sharing:
        counted = (
            f"{row.tries:.2f} | {row.requests:.1f} | {row.service_ms:.1f} | "
            f"{row.log_units:.3f} + {row.payload_units:.3f}"
        )
        yield (
            f"| {row.store} | {row.sidecars} | {row.rate:,.0f} | {row.slowest / row.fastest:.2f} | {row.p50_ms:.0f} | "
            f"{row.p99_ms:.0f} | {counted if row.tries else ' | '.join('–' * 4)} |"
        )
    yield ""
    indexed = found.indexed
    yield (
        f"An index of {indexed.leaves:,} leaves was made anew at {indexed.rate:,.0f} leaves/s, with "
        f"{indexed.items:.3f} items and {indexed.units:.3f} write units a leaf."
    )


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
