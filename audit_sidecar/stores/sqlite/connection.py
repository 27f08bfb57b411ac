# SPDX-License-Identifier: Apache-2.0
"""Connections with the settings that durability rests on, each read back, and SQLite's errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from audit_sidecar.errors import Fatal, Pushback, StoreRefused

APPLICATION_ID: Final = 0x43536967
"""Marks the file as ours ("CSig"), so that no other SQLite file is ever taken for a log."""
SCHEMA_VERSION: Final = 3
_OLDEST_SAFE_SQLITE: Final = 3_051_003
"""Before 3.51.3 a write-ahead log could be reset while in use and corrupt the file (sqlite.org/wal.html)."""

# WAL with FULL makes a commit durable when it returns: the log is synced at each commit.
# It is folded into the file by the commit that finds it long, which takes as long as many commits; so seldom. The pages
# it has then grown to are written over again, for a log that grows is slower to sync.
_WRITER_PRAGMAS: Final = (
    ("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 0), ("mmap_size", 0), ("wal_autocheckpoint", 4_000),
)  # fmt: skip
_READER_PRAGMAS: Final = (("query_only", 1), ("mmap_size", 0))


def open_writer(path: Path, create: bool = False) -> apsw.Connection:
    """A connection that commits durably. It never creates a file unless told to."""
    if apsw.SQLITE_VERSION_NUMBER < _OLDEST_SAFE_SQLITE:
        raise StoreRefused(f"SQLite {apsw.sqlite_lib_version()} can corrupt a write-ahead log; install apsw 3.51.3 on")
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    return _open(path, flags, _WRITER_PRAGMAS, checked=not create)


def open_reader(path: Path) -> apsw.Connection:
    """A connection that cannot write; it sees the last commit and never holds the writer up."""
    return _open(path, apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS, checked=True)


def _open(path: Path, flags: int, pragmas: tuple[tuple[str, str | int], ...], checked: bool) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=flags)
        connection.set_busy_timeout(5_000)
        if checked:
            _require_log(connection, path)
        for name, wanted in pragmas:
            connection.execute(f"PRAGMA {name} = {wanted}")
            found = connection.pragma(name)
            if found != wanted:
                raise StoreRefused(f"store {path}: SQLite keeps {name} at {found!r} where {wanted!r} is needed")
    except apsw.CantOpenError as error:
        raise StoreRefused(f"cannot open store {path}: {error}; is the path right? 'countersign store init' makes one"
                           ) from error  # fmt: skip
    except apsw.Error as error:
        raise StoreRefused(f"cannot read store {path}: {error}; restore it from a copy") from error
    return connection


def _require_log(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreRefused(f"{path} holds no log; 'countersign store init sqlite:///{path}' creates one")
    version = connection.pragma("user_version")
    if version != SCHEMA_VERSION:
        raise StoreRefused(
            f"{path} has schema version {version}, this program reads and writes {SCHEMA_VERSION} alone; "
            "go on with the program that wrote it, or start a new log under a new origin"
        )


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """One transaction: durable when the block ends without an error; otherwise nothing of it remains.

    Pushback when the disk is full or the file is locked: the transaction is known to be rolled back. Fatal for every
    other failure: after a failed sync the kernel may have dropped what it could not write, so nobody knows.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except (apsw.FullError, apsw.BusyError, apsw.ReadOnlyError) as error:
        _roll_back(connection)
        raise Pushback(f"the store cannot take the commit now: {error}") from error
    except apsw.Error as error:
        raise Fatal(f"the store failed in the middle of a commit: {type(error).__name__}: {error}") from error
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: apsw.Connection) -> None:
    if not connection.in_transaction:
        return
    try:
        connection.execute("ROLLBACK")
    except apsw.Error as error:
        raise Fatal(f"the store could not roll back: {error}") from error
