# SPDX-License-Identifier: Apache-2.0
"""Read the log from SQLite while it grows; one connection per thread, each statement its own short snapshot."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.kept_record import read_record
from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.row_values import signed
from audit_sidecar.stores.sqlite.connection import open_reader
from audit_sidecar.stores.sqlite.rows import (
    SELECT_RECORD,
    SELECT_STREAM,
    read_stream,
    subject_text,
)
from audit_sidecar.stores.sqlite.search import search_clause
from audit_sidecar.stores.store import Finding, Gap, Search, SignedCheckpoint, StoredRecord, StreamCount, StreamState
from audit_sidecar.tlog.merkle import Frontier
from contracts.payload import PayloadContext

_CHUNK = 512
"""Rows fetched per statement: no read transaction lasts long enough to keep the write-ahead log from being folded."""


class SqliteReader:
    """`StoreReader` over a store file. StoreRefused when the file cannot be opened or read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._contexts: dict[int, PayloadContext] = {}
        open_reader(path).close()

    def origin(self) -> str:
        """The log's name."""
        return str(self._one("SELECT origin FROM log")[0])

    def frontier(self) -> Frontier:
        """Right edge of the tree, with its size."""
        size, stored = self._one("SELECT size, frontier FROM log")
        frontier = Frontier.from_bytes(stored)
        if frontier.size != size:
            raise StoreRefused(f"store {self._path}: the log's size is {size}, its right edge is of {frontier.size}")
        return frontier

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint, or None before the first."""
        rows = self._rows("SELECT size, root, note, time FROM checkpoint")
        return SignedCheckpoint(*rows[0]) if rows else None

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes of [start, stop); shorter when the log ends before."""
        query = "SELECT leaf_hash FROM leaf WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
        return [row[0] for row in self._rows(query, (start, stop))]

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop) at a level that is a multiple of 8, above 0."""
        query = "SELECT hash FROM subtree WHERE level = ? AND position >= ? AND position < ? ORDER BY position"
        return [row[0] for row in self._rows(query, (level, start, stop))]

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order, read in chunks."""
        query = f"{SELECT_RECORD} WHERE l.leaf_index >= ? AND l.leaf_index < ? ORDER BY l.leaf_index"
        for low in range(start, stop, _CHUNK):
            yield from self._records(query, (low, min(low + _CHUNK, stop)))

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""
        return self._records(f"{SELECT_RECORD} WHERE l.trace = ? ORDER BY l.leaf_index", (trace,))

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""
        where = "l.trace = ? AND l.span = ? AND l.seq IS ? ORDER BY l.leaf_index LIMIT ?"
        return self._records(f"{SELECT_RECORD} WHERE {where}", (trace, span, seq, limit))

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""
        query = f"{SELECT_RECORD} WHERE l.trace = ?1 OR l.about = ?1 ORDER BY l.leaf_index"
        return [record for record in self._records(query, (request_id,)) if record.leaf.id == request_id]

    def search(self, search: Search, limit: int) -> list[tuple[StoredRecord, Finding]]:
        """Matching records, newest first."""
        clause, values = search_clause(search)
        # The inner query finds indexes alone, so that only the rows of one page are joined with their payloads.
        query = f"SELECT l.leaf_index {clause} ORDER BY l.leaf_index DESC LIMIT ?"
        indexes = [row[0] for row in self._rows(query, (*values, limit))]
        found = []
        for index in indexes:
            record = self._records(f"{SELECT_RECORD} WHERE l.leaf_index = ?", (index,))[0]
            found.append((record, self.findings(index, index + 1)[index]))
        return found

    def count(self, search: Search) -> int:
        """How many records match, ``before`` aside."""
        clause, values = search_clause(search._replace(before=None))
        return int(self._one(f"SELECT count(*) {clause}", values)[0])

    def stream(self, stream: bytes) -> StreamState | None:
        """One stream."""
        rows = self._rows(f"{SELECT_STREAM} WHERE s.uuid = ?", (stream,))
        return read_stream(rows[0]) if rows else None

    def first_record(self, stream: bytes) -> StoredRecord | None:
        """The record that opened a stream: its release, unless the beginning is missing."""
        # Found by time, for which there is an index, rather than by stream, for which there is none.
        query = (
            f"{SELECT_RECORD} WHERE l.time = s.first_time AND s.uuid = ? AND l.time = ? ORDER BY l.leaf_index LIMIT 1"
        )
        state = self.stream(stream)
        found = [] if state is None else self._records(query, (stream, signed(state.first_time)))
        return found[0] if found else None

    def stream_counts(self, start: int | None, stop: int | None) -> list[StreamCount]:
        """Every stream with records that ended in the period, oldest first."""
        bounds = [(text, time) for text, time in (("l.time >= ?", start), ("l.time < ?", stop)) if time is not None]
        query = f"""
            SELECT s.uuid, min(l.seq), max(l.seq), count(*) FROM leaf AS l JOIN stream AS s ON s.id = l.stream
            WHERE {" AND ".join(text for text, _ in bounds) or "true"} GROUP BY s.id ORDER BY s.first_time, s.uuid
        """  # noqa: S608  (texts of this function; every value is bound)
        found = []
        for uuid, first, last, count in self._rows(query, tuple(signed(time) for _, time in bounds)):
            state = self.stream(uuid)
            if state is not None:
                found.append(StreamCount(state, first, last, count))
        return found

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        query = "SELECT leaf_index, stream, first, last FROM gap WHERE stream = ? ORDER BY leaf_index"
        return [Gap(*row) for row in self._rows(query, (stream,))]

    def findings(self, start: int, stop: int) -> dict[int, Finding]:
        """Index rows of [start, stop) as stored, for fsck."""
        query = """
            SELECT l.leaf_index, p.subject, p.label, p.score, c.leaf_index IS NOT NULL FROM leaf AS l
            LEFT JOIN payload AS p ON p.leaf_index = l.leaf_index
            LEFT JOIN conflict AS c ON c.leaf_index = l.leaf_index
            WHERE l.leaf_index >= ? AND l.leaf_index < ?
        """
        rows = self._rows(query, (start, stop))
        return {
            index: Finding(subject_text(subject), label, score, bool(conflict))
            for index, subject, label, score, conflict in rows
        }

    def strays(self) -> list[str]:
        """Rows that belong to no leaf and no stream, named in words; for fsck. A sound store has none."""
        found = []
        for table in ("payload", "conflict", "gap"):
            # Inside the log every index has a leaf, which fsck has seen; so a stray lies before it or behind it.
            ends = f"(SELECT min(leaf_index) FROM {table}), (SELECT max(leaf_index) FROM {table})"  # noqa: S608  (our own names)
            first, last, size = self._one(f"SELECT {ends}, size FROM log")  # noqa: S608
            if first is not None and (first < 0 or last >= size):
                found.append(f"a {table} row of leaf {first if first < 0 else last}, in a log of {size}")
        for (uuid,) in self._rows("SELECT uuid FROM stream"):
            if self.first_record(uuid) is None:
                found.append(f"a row of stream {uuid.hex()}, which has no record")
        for (uuid,) in self._rows("SELECT DISTINCT stream FROM gap WHERE stream NOT IN (SELECT uuid FROM stream)"):
            found.append(f"a gap row of stream {uuid.hex()}, which there is not")
        return found

    def _records(self, query: str, values: tuple[Any, ...]) -> list[StoredRecord]:
        rows = self._rows(query, values)
        if not hasattr(self._local, "spans"):
            self._local.spans = SpanKeeper()
        return [read_record(row, self._context(row[-1]), self._local.spans, subject_text) for row in rows]

    def _context(self, context: int | None) -> PayloadContext | None:
        if context is None:
            return None
        if context not in self._contexts:
            if len(self._contexts) > 4096:  # foreign senders choose how many there are
                self._contexts.clear()
            query = "SELECT resource, scope, scope_schema_url, resource_schema_url FROM context WHERE id = ?"
            self._contexts[context] = PayloadContext(*self._one(query, (context,)))
        return self._contexts[context]

    def _one(self, query: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        rows = self._rows(query, values)
        if not rows:
            raise StoreRefused(f"store {self._path} lacks a row that every log has; run 'countersign audit fsck'")
        return rows[0]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            if not hasattr(self._local, "connection"):
                self._local.connection = open_reader(self._path)
            return list(self._local.connection.execute(query, values))
        except apsw.Error as error:
            raise StoreRefused(f"cannot read store {self._path}: {error}; restore it from a copy") from error
