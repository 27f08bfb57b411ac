# SPDX-License-Identifier: Apache-2.0
"""Read the log from PostgreSQL while it grows; each statement is its own short snapshot, and none exceeds a second.

What may have to look at the whole log looks at a window of it at a time.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.kept_record import read_record
from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.postgresql import earlier_form, earlier_search, searching
from audit_sidecar.stores.postgresql.connection import MOVED, READER, connect, opening, read_meta, shown
from audit_sidecar.stores.postgresql.derived import derived_strays
from audit_sidecar.stores.postgresql.pool import ReadingPool, Row
from audit_sidecar.stores.postgresql.rows import (
    SELECT_FINDING,
    SELECT_RECORD,
    SELECT_STREAM,
    read_finding,
    read_stream,
    subject_text,
)
from audit_sidecar.stores.postgresql.search import all_of, of_time
from audit_sidecar.stores.row_values import signed
from audit_sidecar.stores.store import Finding, Gap, Search, SignedCheckpoint, StoredRecord, StreamCount, StreamState
from audit_sidecar.tlog.merkle import Frontier
from contracts.payload import PayloadContext

_CHUNK: Final = 512
_WINDOW: Final = 32_768
_CONTEXTS: Final = 4_096
_EXPECTED: Final = 4_096
_FOREIGN_AMONG: Final = (
    "SELECT DISTINCT l.trace, l.span FROM unnest(%s::bytea[], %s::bytea[]) AS one (trace, span) "
    "JOIN leaf l ON l.trace = one.trace AND l.span = one.span AND l.seq IS NULL"
)
# Said of leaf and kept row alike, so that both are found by the index on it, whatever the planner believes.
_RANGE: Final = "{0}.leaf_index >= %s AND {0}.leaf_index < %s"
_LIST: Final = "{0}.leaf_index = ANY (%s)"


class PostgresReader:
    """`StoreReader` over a database. StoreRefused when it holds no log; StoreAway while it cannot be reached."""

    def __init__(self, url: str) -> None:
        self._url = url
        with opening(url), connect(url, READER) as connection:
            self._version = read_meta(connection, url).version
        self._local = threading.local()
        self._pool = ReadingPool(url)
        self._contexts: dict[int, PayloadContext] = {}

    def close(self) -> None:
        """Close its connections; they are opened again when it is asked again."""
        self._pool.close()
        self._pool = ReadingPool(self._url)

    def origin(self) -> str:
        """The log's name."""
        return str(self._one("SELECT origin FROM meta")[0])

    def frontier(self) -> Frontier:
        """Right edge of the tree, with its size."""
        size, stored = self._one("SELECT size, frontier FROM head")
        frontier = Frontier.from_bytes(stored)
        if frontier.size != size:
            raise StoreRefused(
                f"store {shown(self._url)}: the log's size is {size}, its right edge is of {frontier.size}"
            )
        return frontier

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint, or None before the first."""
        rows = self._rows("SELECT size, root, note, time FROM checkpoint")
        return SignedCheckpoint(*rows[0]) if rows else None

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes of [start, stop); shorter when the log ends before."""
        query = "SELECT leaf_hash FROM leaf WHERE leaf_index >= %s AND leaf_index < %s ORDER BY leaf_index"
        return [row[0] for low, high in _steps(start, stop) for row in self._rows(query, (low, high))]

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop) at a level that is a multiple of 8, above 0."""
        query = "SELECT hash FROM subtree WHERE level = %s AND position >= %s AND position < %s ORDER BY position"
        return [row[0] for row in self._rows(query, (level, start, stop))]

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order, read in chunks."""
        for low in range(start, stop, _CHUNK):
            yield from self._records_in(_RANGE, (low, min(low + _CHUNK, stop)))

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""
        return self._records("WHERE l.trace = %s ORDER BY l.leaf_index", (trace,))

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""
        if seq is None and self._is_new(SpanIds(trace, span)):
            return []
        where = "l.trace = %s AND l.span = %s AND l.seq IS NOT DISTINCT FROM %s::bigint ORDER BY l.leaf_index LIMIT %s"
        return self._records(f"WHERE {where}", (trace, span, seq, limit))

    def expect(self, spans: Sequence[SpanIds]) -> None:
        """This thread asks `by_ids` for each of these foreign spans next: those that are not there are known by it."""
        new = set(spans)
        for low in range(0, len(spans), _EXPECTED):
            columns = tuple(map(list, zip(*spans[low : low + _EXPECTED], strict=True)))
            new -= {SpanIds(*row) for row in self._rows(_FOREIGN_AMONG, columns)}
        self._local.new = new

    def _is_new(self, ids: SpanIds) -> bool:
        """Told once: what is asked for again may have come into the log meanwhile."""
        new: set[SpanIds] = getattr(self._local, "new", set())
        if ids not in new:
            return False
        new.remove(ids)
        return True

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""
        where = "WHERE l.trace = %s OR l.about = %s ORDER BY l.leaf_index"
        return [record for record in self._records(where, (request_id,) * 2) if record.leaf.id == request_id]

    def search(self, search: Search, limit: int) -> list[tuple[StoredRecord, Finding]]:
        """Matching records, newest first."""
        end = self._end(search.before, search.size)
        way = searching if self._is_moved() else earlier_search
        return self._found(way.find_indexes(self._rows, search, end, limit))

    def _found(self, indexes: list[int]) -> list[tuple[StoredRecord, Finding]]:
        if not indexes:
            return []
        records = self._records_in(_LIST, (indexes,))
        found = self._findings_in(_LIST, (indexes,))
        by_index = {record.leaf_index: record for record in records}
        return [(by_index[index], found[index]) for index in indexes]

    def count(self, search: Search) -> int:
        """How many records match, ``before`` aside."""
        way = searching if self._is_moved() else earlier_search
        return int(way.count_records(self._rows, search, self._end(search.size)))

    def stream(self, stream: bytes) -> StreamState | None:
        """One stream."""
        rows = self._rows(f"{SELECT_STREAM} WHERE s.uuid = %s", (stream,))
        return read_stream(rows[0]) if rows else None

    def first_record(self, stream: bytes) -> StoredRecord | None:
        """The record that opened a stream: its release, unless the beginning is missing."""
        # Found by time, for which there is an index, rather than by stream, for which there is none.
        state = self.stream(stream)
        if state is None:
            return None
        where = "WHERE s.uuid = %s AND l.time = %s ORDER BY l.leaf_index LIMIT 1"
        found = self._records(where, (stream, signed(state.first_time)))
        return found[0] if found else None

    def stream_counts(self, start: int | None, stop: int | None) -> list[StreamCount]:
        """Every stream with records that ended in the period, oldest first."""
        clause = all_of(of_time(Search(start=start, stop=stop)))
        query = "SELECT l.stream, min(l.seq), max(l.seq), count(*) FROM leaf AS l"
        query += f" WHERE {clause.text} AND l.stream IS NOT NULL"
        query += " AND l.leaf_index >= %s AND l.leaf_index < %s GROUP BY l.stream"
        counts: dict[int, tuple[int, int, int]] = {}
        for low, high in _steps(0, self._end()):
            for stream, first, last, count in self._rows(query, (*clause.values, low, high)):
                old = counts.get(stream, (first, last, 0))
                counts[stream] = min(old[0], first), max(old[1], last), old[2] + count
        states = {
            row[-1]: read_stream(row[:-1])
            for row in self._rows(
                SELECT_STREAM.replace("FROM", ", s.id FROM", 1) + "WHERE s.id = ANY(%s)", (list(counts),)
            )
        }
        found = [StreamCount(states[stream], *counts[stream]) for stream in counts if stream in states]
        return sorted(found, key=lambda count: (count.state.first_time, count.state.stream))

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        query = "SELECT leaf_index, stream, first, last FROM gap WHERE stream = %s ORDER BY leaf_index"
        return [Gap(*row) for row in self._rows(query, (stream,))]

    def findings(self, start: int, stop: int) -> dict[int, Finding]:
        """Index rows of [start, stop) as stored, for fsck."""
        return self._findings_in(_RANGE, (start, stop))

    def _records_in(self, bounds: str, values: tuple[object, ...]) -> list[StoredRecord]:
        where = f"WHERE {bounds.format('l')} ORDER BY l.leaf_index"
        if not self._is_moved():
            return self._records(where, values)
        return self._read(f"{SELECT_RECORD} AND {bounds.format('k')} {where}", values * 2)

    def _findings_in(self, bounds: str, values: tuple[object, ...]) -> dict[int, Finding]:
        where = f"WHERE {bounds.format('l')}"
        if self._is_moved():
            rows = self._rows(f"{SELECT_FINDING} AND {bounds.format('k')} {where}", values * 2)
            return {index: read_finding(tuple(rest)) for index, *rest in rows}
        rows = self._rows(f"{earlier_form.SELECT_FINDING} {where}", values)
        return {index: earlier_form.read_either_finding(tuple(rest)) for index, *rest in rows}

    def strays(self) -> list[str]:
        """Rows that belong to no leaf and no stream, named in words; for fsck. A sound store has none."""
        found = []
        for table in ("kept", "conflict", "gap", *(() if self._is_moved() else ("payload", "finding"))):
            # Inside the log every index has a leaf, which fsck has seen; so a stray lies before it or behind it.
            ends = f"(SELECT min(leaf_index) FROM {table}), (SELECT max(leaf_index) FROM {table})"  # noqa: S608  (our own names)
            first, last, size = self._one(f"SELECT {ends}, size FROM head")  # noqa: S608
            if first is not None and (first < 0 or last >= size):
                found.append(f"a {table} row of leaf {first if first < 0 else last}, in a log of {size}")
        for (uuid,) in self._rows("SELECT uuid FROM stream"):
            if self.first_record(uuid) is None:
                found.append(f"a row of stream {uuid.hex()}, which has no record")
        for (uuid,) in self._rows("SELECT DISTINCT stream FROM gap WHERE stream NOT IN (SELECT uuid FROM stream)"):
            found.append(f"a gap row of stream {uuid.hex()}, which there is not")
        return found or (list(derived_strays(self._rows)) if self._is_moved() else [])

    def _is_moved(self) -> bool:
        """Whether every record is kept in the form of today; once they are, they stay so."""
        if self._version < MOVED:
            self._version = int(self._one("SELECT version FROM meta")[0])
        return self._version >= MOVED

    def _end(self, *bounds: int | None) -> int:
        size = int(self._one("SELECT size FROM head")[0])
        return max(0, min([size, *(bound for bound in bounds if bound is not None)]))

    def _records(self, where: str, values: tuple[object, ...]) -> list[StoredRecord]:
        return self._read(f"{SELECT_RECORD if self._is_moved() else earlier_form.SELECT_RECORD} {where}", values)

    def _read(self, query: str, values: tuple[object, ...]) -> list[StoredRecord]:
        if not hasattr(self._local, "spans"):
            self._local.spans = SpanKeeper()
        return [
            read_record(row, self._context(row[-1]), self._local.spans, subject_text)
            for row in self._rows(query, values)
        ]

    def _context(self, context: int | None) -> PayloadContext | None:
        if context is None:
            return None
        known = self._contexts.get(context)
        if known is None:
            if len(self._contexts) >= _CONTEXTS:  # foreign senders choose how many there are
                self._contexts.clear()
            query = "SELECT resource, scope, scope_schema_url, resource_schema_url FROM context WHERE id = %s"
            known = self._contexts[context] = PayloadContext(*self._one(query, (context,)))
        return known

    def _one(self, query: str, values: tuple[object, ...] = ()) -> Row:
        rows = self._rows(query, values)
        if not rows:
            raise StoreRefused(f"store {shown(self._url)} lacks a row that every log has; run 'countersign audit fsck'")
        return rows[0]

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        return self._pool.rows(query.encode(), values)


def _steps(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for low in range(start, stop, _WINDOW):
        yield low, min(low + _WINDOW, stop)
