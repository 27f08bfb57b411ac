# SPDX-License-Identifier: Apache-2.0
"""The engines that the contract of stores is tested on; another engine is another line in `ENGINES`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.stores.sqlite.writer import SqliteWriter
from audit_sidecar.stores.store import StoreWriter


class Engine(NamedTuple):
    """``url`` names a store inside a folder; ``starved`` leaves a writer without room for the length of a block."""

    url: Callable[[Path], str]
    starved: Callable[[StoreWriter], AbstractContextManager[None]]


@contextmanager
def _starved_sqlite(writer: StoreWriter) -> Iterator[None]:
    assert isinstance(writer, SqliteWriter)
    connection = writer._connection
    before = connection.pragma("max_page_count")
    connection.pragma("max_page_count", connection.pragma("page_count"))
    try:
        yield
    finally:
        connection.pragma("max_page_count", before)


ENGINES = {
    "sqlite": Engine(lambda folder: f"sqlite:///{folder / 'store.db'}", _starved_sqlite),
}
