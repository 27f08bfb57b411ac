# SPDX-License-Identifier: Apache-2.0
"""A bounded number of connections for reading, shared by all threads; one that broke is replaced, with a second try."""

import threading
import weakref
from typing import Any, Final

import psycopg

from audit_sidecar.errors import Pushback, StoreAway, StoreRefused
from audit_sidecar.stores.postgresql.connection import GRANTS, READER, Connection, connect, is_lost, said, shown
from audit_sidecar.stores.postgresql.deadline import Silent

_MOST: Final = 8
_PATIENCE: Final = 5.0
Row = tuple[Any, ...]


class ReadingPool:
    """Runs statements, each its own short snapshot. Connections are closed with the pool."""

    def __init__(self, url: str, most: int = _MOST) -> None:
        self._url = url
        self._idle: list[Connection] = []
        self._room = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self.close = weakref.finalize(self, _close_all, self._idle)

    def rows(self, query: bytes, values: tuple[object, ...] = ()) -> list[Row]:
        """All rows. StoreAway when the server cannot be asked now, Pushback when it takes too long; StoreRefused."""
        if not self._room.acquire(timeout=_PATIENCE):
            raise StoreAway("every connection for reading is busy; ask again")
        try:
            return self._ask(query, values)
        finally:
            self._room.release()

    def _ask(self, query: bytes, values: tuple[object, ...]) -> list[Row]:
        connection = self._take()
        if connection is not None:
            try:
                return self._run(connection, query, values)
            except psycopg.OperationalError as error:
                # It may have been idle while the server was restarted. Nothing else is tried twice.
                if isinstance(error, Silent):
                    self._forget_idle()
                    raise self._refusal(error) from error
                if not is_lost(connection):
                    raise self._refusal(error) from error
        try:
            return self._run(connect(self._url, READER), query, values)
        except psycopg.OperationalError as error:
            raise self._refusal(error) from error

    def _run(self, connection: Connection, query: bytes, values: tuple[object, ...]) -> list[Row]:
        try:
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(query, values).fetchall()
        except psycopg.OperationalError:
            raise
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreRefused(f"cannot read store {shown(self._url)}: {said(error)}; {GRANTS}") from error
        except psycopg.Error as error:
            raise StoreRefused(f"cannot read store {shown(self._url)}: {said(error)}") from error
        finally:
            if is_lost(connection):
                connection.close()
            else:
                with self._lock:
                    self._idle.append(connection)

    def _forget_idle(self) -> None:
        # They lead to the same server, and each would be waited for.
        with self._lock:
            _close_all(self._idle)

    def _take(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _refusal(self, error: psycopg.OperationalError) -> Pushback:
        if isinstance(error, psycopg.errors.QueryCanceled):
            # A busy disk, a lock that somebody else holds: it says nothing about the log, and the next time is quicker.
            return Pushback("the store needs longer than a second for this; ask again, or for less at once")
        return StoreAway(f"cannot reach store {shown(self._url)}: {said(error)}")


def _close_all(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()
