# SPDX-License-Identifier: Apache-2.0
"""Append to the log in PostgreSQL: one transaction per commit, begun by locking the head, each sidecar in its turn.

PostgreSQL gives a row to those who wait for it in the order they came, so that no sidecar is starved. Until COMMIT is
sent nothing can have been kept; a connection that is lost after it leaves the outcome unknown. The next turn then
begins with an empty commit: what is read behind that is as durable as any commit, also on a synchronous standby.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg

from audit_sidecar.errors import Fatal, HeadMoved, OutcomeUnknown, Pushback, StoreAway
from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.postgresql import earlier_form
from audit_sidecar.stores.postgresql.connection import COMPACT, said, shown
from audit_sidecar.stores.postgresql.copying import Shared, copy_marks, copy_records
from audit_sidecar.stores.postgresql.grants import require_grants
from audit_sidecar.stores.postgresql.numbers import Numbers, RecordClass
from audit_sidecar.stores.postgresql.rows import PART_BITS, text_bytes
from audit_sidecar.stores.postgresql.session import Session
from audit_sidecar.stores.row_values import signed
from audit_sidecar.stores.store import Commit, SignedCheckpoint, StreamState
from audit_sidecar.tlog.merkle import Frontier
from contracts.payload import PayloadContext

_log = logging.getLogger(__name__)
LEASE_SECONDS: Final = 3
"""A publisher that is gone is replaced after this and one more attempt of another's."""

_MOVE_STREAMS: Final = """
UPDATE stream AS s SET next_seq = new.next_seq, last_time = new.last_time, ended = new.ended
FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[], %b::boolean[]) AS new (uuid, next_seq, last_time, ended)
WHERE s.uuid = new.uuid RETURNING s.uuid, s.id
"""
_NEW_STREAM: Final = """
INSERT INTO stream
    (uuid, producer, release, context, model_id, model_version, next_seq, first_time, last_time, ended)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


class PostgresWriter:
    """`StoreWriter` over a database that others write to as well. Use from one thread."""

    def __init__(self, url: str) -> None:
        self._holder = os.urandom(16)
        self._numbers = Numbers()
        self._spans = SpanKeeper()
        self._version = COMPACT
        """Of the schema in this turn: what is moved to another waits for the head, too."""
        self._in_turn = self._unsure = False
        self._session = Session(url)
        try:
            for warning in require_grants(self._session.connection, url):
                _log.warning("store %s: %s", shown(url), warning)
        except BaseException:
            self._session.connection.close()
            raise

    @contextmanager
    def turn(self) -> Iterator[Frontier]:
        """The head as it stands, locked until the block ends."""
        head = self._begin()
        self._in_turn = True
        try:
            yield head
        finally:
            self._in_turn = False
            self._session.roll_back()

    def commit(self, commit: Commit) -> None:
        """Append durably, if the log still has ``old_size`` leaves."""
        if self._in_turn:
            self._append(commit)
            return
        with self.turn():
            self._append(commit)

    def lead(self) -> bool:
        """Take or renew the publisher's lease, by the server's clock; one for longer than is given is of another clock.

        Who holds it may sign for all that was in the log before: it is as durable as the lease.
        """
        taken = self._replicated(
            "UPDATE publisher SET holder = %s, until = clock_timestamp() + make_interval(secs => %s) "
            "WHERE holder = %s "
            "OR until NOT BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => %s)",
            (self._holder, LEASE_SECONDS, self._holder, LEASE_SECONDS),
        )
        return taken.rowcount == 1

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Persist a checkpoint; the database itself refuses a second root for a size."""
        if not self.lead():
            raise Pushback("another sidecar publishes")
        put = self._replicated(
            "INSERT INTO checkpoint VALUES (1, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET size = excluded.size, "
            "root = excluded.root, note = excluded.note, time = excluded.time WHERE checkpoint.size < excluded.size "
            "OR (checkpoint.size = excluded.size AND checkpoint.root = excluded.root)",
            tuple(checkpoint),
        )
        if put.rowcount == 1:
            return
        size, root = _only(self._session.run("SELECT size, root FROM checkpoint"))
        before = f"a checkpoint of size {size} with root {root.hex()} was signed before; "
        if size > checkpoint.size:
            raise HeadMoved(f"{before}size {checkpoint.size} comes too late")
        raise Fatal(f"{before}size {checkpoint.size} with root {checkpoint.root.hex()} must not be")

    def close(self) -> None:
        """Leave the lease to the next publisher."""
        with suppress(psycopg.Error):
            query = "UPDATE publisher SET until = '-infinity' WHERE holder = %s"
            self._session.connection.execute(query, (self._holder,))
        self._session.connection.close()

    def _begin(self) -> Frontier:
        connection = self._session.connected()
        try:
            if self._unsure:
                self._require_replicated()
            # In one exchange, so that nobody waits for more than that in a turn of its own.
            begun = connection.execute("BEGIN; SELECT size, frontier, version FROM head, meta FOR UPDATE OF head")
            begun.nextset()
            size, edge, self._version = _only(begun)
        except psycopg.Error as error:
            raise self._session.failure(error) from error
        frontier = Frontier.from_bytes(edge)
        if frontier.size != size:
            self._session.roll_back()
            raise Fatal(f"the log's size is {size}, its right edge is of {frontier.size}")
        return frontier

    def _require_replicated(self) -> None:
        # Whatever this commit is waited for, everything before it is as durable as it is.
        self._session.unreplicated = False
        self._session.connection.execute("UPDATE head SET size = size")
        if self._session.unreplicated:
            raise StoreAway("the last commit is not known to have reached the synchronous standby")
        self._unsure = False

    def _replicated(self, query: str, values: tuple[object, ...]) -> psycopg.Cursor[tuple[Any, ...]]:
        self._session.unreplicated = False
        done = self._session.run(query, values)
        if self._session.unreplicated:
            raise Pushback("the log is not known to have reached the synchronous standby; come again")
        return done

    def _append(self, commit: Commit) -> None:
        numbers = self._numbers.copy()
        try:
            self._move_head(commit)
            self._put_records(commit, numbers)
        except psycopg.Error as error:
            raise self._session.failure(error) from error
        self._commit()
        self._numbers = numbers

    def _put_records(self, commit: Commit, numbers: Numbers) -> None:
        connection = self._session.connection
        streams = self._put_streams(commit.streams, numbers)
        contexts: dict[PayloadContext, int] = {}
        for record in commit.records:
            context = record.payload.context
            if context not in contexts:
                contexts[context] = numbers.context(connection, context)
        if self._version < COMPACT:
            earlier_form.copy_records(connection, commit, streams, contexts)
            copy_marks(connection, commit)
            return
        shared = Shared(streams, contexts, self._classes(commit, numbers))
        copy_records(connection, commit, shared, self._spans)
        copy_marks(connection, commit)
        for part in range(commit.old_size >> PART_BITS, commit.frontier.size >> PART_BITS):
            connection.execute("INSERT INTO tally SELECT * FROM tallied(%s)", (part,))

    def _classes(self, commit: Commit, numbers: Numbers) -> dict[tuple[str, bytes | None, str | None], int]:
        models = {state.stream: (state.model_id, state.model_version) for state in commit.streams}
        found: dict[tuple[str, bytes | None, str | None], int] = {}
        for record in commit.records:
            leaf, label = record.leaf, record.finding.label
            key = leaf.kind, leaf.stream, label
            if key not in found:
                model = (None, None) if leaf.stream is None else models[leaf.stream]
                found[key] = numbers.record_class(self._session.connection, RecordClass(leaf.kind, *model, label))
        return found

    def _commit(self) -> None:
        self._session.unreplicated = False
        try:
            done = self._session.connection.execute("COMMIT")
        except psycopg.Error as error:
            if not self._session.lost:
                raise self._session.failure(error) from error
            self._unsure = True
            raise OutcomeUnknown(f"the connection was lost while a commit was made durable: {said(error)}") from error
        if self._session.unreplicated:
            self._unsure = True
            raise OutcomeUnknown("a commit was not waited for at the synchronous standby")
        if done.statusmessage != "COMMIT":
            raise Fatal(f"the store answered a commit with {done.statusmessage}")

    def _move_head(self, commit: Commit) -> None:
        moved = self._session.connection.execute(
            "UPDATE head SET size = %s, frontier = %s WHERE size = %s",
            (commit.frontier.size, commit.frontier.to_bytes(), commit.old_size),
        )
        if moved.rowcount != 1:
            raise HeadMoved(f"the log no longer has {commit.old_size} leaves: somebody else appended to it")

    def _put_streams(self, states: Sequence[StreamState], numbers: Numbers) -> dict[bytes, int]:
        # All in one exchange: a commit may be of as many streams as there are pods.
        changed = [(s.stream, s.next_seq, signed(s.last_time), s.ended) for s in states]
        connection = self._session.connection
        found = dict(connection.execute(_MOVE_STREAMS, tuple(map(list, zip(*changed, strict=True))))) if states else {}
        for state in states:
            if state.stream not in found:
                context = numbers.context(connection, state.context)
                found[state.stream] = _only(connection.execute(_NEW_STREAM, _stream_row(state, context)))[0]
        return found


def _stream_row(state: StreamState, context: int) -> tuple[object, ...]:
    return (
        state.stream, text_bytes(state.producer), state.release, context, text_bytes(state.model_id),
        text_bytes(state.model_version), state.next_seq, signed(state.first_time), signed(state.last_time), state.ended,
    )  # fmt: skip


def _only(found: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = found.fetchone()
    if row is None:
        raise Fatal("the store lacks a row that every log has; run 'countersign audit fsck' on it")
    return row
