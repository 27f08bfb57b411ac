# SPDX-License-Identifier: Apache-2.0
"""A writer's connection: checked when it is made, made again when it was lost, and then only a while later.

A transaction never outlives its connection: whoever is in one uses `Session.connection`, which does not reconnect.
"""

import logging
import random
import time
from typing import Any

import psycopg

from audit_sidecar.errors import Fatal, Pushback, StoreAway, StoreRefused
from audit_sidecar.stores.postgresql.connection import (
    WRITER,
    Connection,
    connect,
    is_lost,
    opening,
    read_meta,
    said,
    shown,
    translate,
)
from audit_sidecar.stores.postgresql.durability import require_durable

_log = logging.getLogger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.02, 1.0


class Session:
    """One connection at a time. StoreRefused when the first cannot be made or the server keeps nothing durably."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failures, self._not_before = 0, 0.0
        self.unreplicated = False
        """Whether the server said that a commit was not waited for; set to False before a commit."""
        with opening(url):
            self.connection, durability = self._connect()
        self._origin = read_meta(self.connection, url).origin
        _log.info("store %s: %s", shown(url), durability)

    @property
    def lost(self) -> bool:
        """Whether nothing more can be asked on the connection there is."""
        return is_lost(self.connection)

    def connected(self) -> Connection:
        """A connection outside any transaction. StoreAway when there is none; Fatal when it leads to another log."""
        if not self.lost:
            return self.connection
        self.connection.close()
        if time.monotonic() < self._not_before:
            raise StoreAway("the store was not to be reached a moment ago; come again")
        try:
            connection, _ = self._connect()
            origin = read_meta(connection, self._url).origin
        except (psycopg.Error, StoreRefused) as error:
            self._failures += 1
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**self._failures)
            self._not_before = time.monotonic() + wait * random.uniform(0.5, 1)  # noqa: S311  (no secret)
            reason = said(error) if isinstance(error, psycopg.Error) else str(error)
            raise StoreAway(f"cannot reach store {shown(self._url)}: {reason}") from error
        if origin != self._origin:
            connection.close()
            raise Fatal(f"the store held the log {self._origin!r} and now holds {origin!r}: it was replaced")
        self.connection, self._failures = connection, 0
        _log.info("store %s: connected again", shown(self._url))
        return connection

    def run(self, query: Any, values: tuple[object, ...] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
        """One statement outside any transaction, which may as well run twice."""
        try:
            return self.connected().execute(query, values, binary=True)
        except psycopg.Error as error:
            raise self.failure(error) from error

    def failure(self, error: psycopg.Error) -> Pushback | Fatal:
        """What an error means that came before COMMIT was sent; the transaction is ended."""
        lost = self.lost
        self.roll_back()
        return translate(error, lost)

    def roll_back(self) -> None:
        """End a transaction that may be open; by closing the connection, if need be."""
        if self.lost or self.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return
        try:
            self.connection.execute("ROLLBACK")
        except psycopg.Error:
            self.connection.close()

    def _connect(self) -> tuple[Connection, str]:
        connection = connect(self._url, WRITER)
        try:
            read_meta(connection, self._url)
            durability = require_durable(connection)
        except BaseException:
            connection.close()
            raise
        connection.add_notice_handler(self._notice)
        return connection, durability

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        # A commit whose wait for the standby was cancelled succeeds with a warning, which has no SQLSTATE of its own.
        # No other warning belongs to a commit, so that any of them means that it is not to be relied on.
        if diagnostic.severity_nonlocalized == "WARNING":
            self.unreplicated = True
