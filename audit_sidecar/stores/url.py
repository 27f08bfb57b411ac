# SPDX-License-Identifier: Apache-2.0
"""Store URLs. Engines are imported only when a URL names them."""

from pathlib import Path

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.store import StoreReader, StoreWriter

_PREFIX = "sqlite:///"


def is_store_url(text: str) -> bool:
    """Whether a LOG argument names a store rather than a folder or an http URL."""
    return text.startswith(_PREFIX)


def store_path(url: str) -> Path:
    """The file of a ``sqlite:///path`` URL: three slashes before a relative path, four before an absolute one."""
    if not url.startswith(_PREFIX) or len(url) == len(_PREFIX):
        raise StoreRefused(f"store {url!r}: want sqlite:///path/to/store.db, the only engine there is so far")
    return Path(url.removeprefix(_PREFIX))


def create_store(url: str, origin: str) -> None:
    """Create the log of this origin; StoreRefused when there is one."""
    from audit_sidecar.stores.sqlite import create

    create.create_store(store_path(url), origin)


def open_reader(url: str) -> StoreReader:
    """Read a store, live or not."""
    from audit_sidecar.stores.sqlite.reader import SqliteReader

    return SqliteReader(store_path(url))


def open_writer(url: str) -> StoreWriter:
    """Become the store's one writer."""
    from audit_sidecar.stores.sqlite.writer import SqliteWriter

    return SqliteWriter(store_path(url))
