# SPDX-License-Identifier: Apache-2.0
"""A log in PostgreSQL: several sidecars on it, its growth through one of them, and the filters of a search.

``python -m bench.shared_log`` does growth and filters alone, to as many records as it is told or as time allows, and
says the load of the machine beside each rate.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.stores.url import create_store, open_reader
from bench import filters, growth, postgresql, sharing
from bench.environments import measured_in_scratch
from bench.growth import Feeding, Found, Window
from bench.producer import Predictions
from bench.sharing import Shared
from countersign.commands.keygen import write_keys

_RECORDS: Final = 500_000
_LONG_RECORDS: Final = 10_000_000


class InPostgres(NamedTuple):
    """Everything that was seen. ``bytes_per_record`` is of the database, all indexes included."""

    version: str
    sharing: list[Shared]
    windows: list[Window]
    questions: list[Found]
    bytes_per_record: float


def how_far() -> int:
    """Records that fit three minutes, or as many as the budget names where ``COUNTERSIGN_LONG`` asks for them."""
    return _LONG_RECORDS if os.environ.get("COUNTERSIGN_LONG", "") not in ("", "0") else _RECORDS


def measure(folder: Path, predictions: Predictions, records: int, say: Callable[[str], None]) -> InPostgres:
    """One server for all of it, gone afterwards. BenchFailed where there is no PostgreSQL."""
    with postgresql.running(folder) as database:
        say(f"{database.version}: several sidecars on one log")
        shared = list(sharing.measure(folder, database.create("shared"), predictions))
        say(f"{database.version}: growth to {records:,} records")
        store = database.create("growing")
        windows = list(_grow(folder / "growing", store, predictions, records))
        size = database.size("growing") / windows[-1].records
        say(f"{database.version}: filters")
        asked = filters.measure(open_reader(store), windows[-1].records)
        return InPostgres(database.version, shared, windows, asked, size)


def main() -> int:
    """Exit 0 when it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.shared_log", description=__doc__)
    parser.add_argument("--records", type=int, default=how_far(), help="how far the log grows")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which it grows no further")
    arguments = parser.parse_args()

    def tell(folder: Path) -> None:
        with postgresql.running(folder) as database:
            _tell(folder / "growing", database, arguments.records, arguments.minutes * 60)

    return measured_in_scratch("growing", tell)


def _tell(folder: Path, database: postgresql.Database, records: int, seconds: float) -> None:
    store, started, reached = database.create("growing"), time.monotonic(), 0
    print(f"{database.version}\n| records | spans/s | load |\n|---|---|---|")
    for window in _grow(folder, store, Predictions(), records):
        reached = window.records
        print(f"| {reached:,} | {window.rate:,.0f} | {os.getloadavg()[0]:.1f} |", flush=True)
        if time.monotonic() - started > seconds:
            break
    print(f"{database.size('growing') / reached:,.0f} bytes a record\n| asked | p50 ms | p99 ms |\n|---|---|---|")
    for found in filters.measure(open_reader(store), reached):
        print(f"| {found.what} | {found.p50_ms:.1f} | {found.p99_ms:.1f} |", flush=True)
    for relation, size in database.largest("growing"):
        print(f"{relation}: {size / reached:.1f} bytes a record")
    print(f"load {os.getloadavg()[0]:.1f}")


def _grow(folder: Path, store: str, predictions: Predictions, records: int) -> Iterator[Window]:
    folder.mkdir()
    create_store(store, write_keys("log.example.com/growing", folder).name)
    with sharing.sidecars(folder, store, 1) as (sidecar,):
        feeding = Feeding(sidecar.socket, predictions)
        for _ in range(-(-records // growth.STEP)):
            yield feeding.step()


if __name__ == "__main__":
    sys.exit(main())
