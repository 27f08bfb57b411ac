# SPDX-License-Identifier: Apache-2.0
"""A log in PostgreSQL: several sidecars on it, its growth through one of them, and the filters of a search."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.stores.url import create_store, open_reader
from bench import filters, growth, postgresql, sharing
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
        windows = _grow(folder / "growing", store, predictions, records)
        size = database.size("growing") / windows[-1].records
        say(f"{database.version}: filters")
        asked = filters.measure(open_reader(store), windows[-1].records)
        return InPostgres(database.version, shared, windows, asked, size)


def _grow(folder: Path, store: str, predictions: Predictions, records: int) -> list[Window]:
    folder.mkdir()
    create_store(store, write_keys("log.example.com/growing", folder).name)
    with sharing.sidecars(folder, store, 1) as (sidecar,):
        feeding = Feeding(sidecar.socket, predictions)
        return [feeding.step() for _ in range(records // growth.STEP)]
