# SPDX-License-Identifier: Apache-2.0
"""The rows of one commit, sent with COPY in PostgreSQL's binary form."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, LiteralString, NamedTuple

from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.postgresql.binary_rows import (
    AFTER,
    BEFORE,
    KEPT_COLUMNS,
    LEAF_COLUMNS,
    kept_bytes,
    leaf_bytes,
)
from audit_sidecar.stores.postgresql.connection import Connection
from audit_sidecar.stores.postgresql.rows import month_of, subject_bytes
from audit_sidecar.stores.row_values import HALF, KIND_NUMBER
from audit_sidecar.stores.store import Commit
from contracts import semconv
from contracts.payload import PayloadContext


class Table(NamedTuple):
    """A table that seldom gets rows, and their types."""

    statement: LiteralString
    types: tuple[str, ...]


class Shared(NamedTuple):
    """Numbers of what records share: streams by uuid, contexts, and classes by kind, stream and label."""

    streams: Mapping[bytes, int]
    contexts: Mapping[PayloadContext, int]
    classes: Mapping[tuple[str, bytes | None, str | None], int]


_LEAF: Final = f"COPY leaf ({LEAF_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_KEPT: Final = f"COPY kept ({KEPT_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_CONFLICT: Final = Table("COPY conflict (leaf_index) FROM STDIN (FORMAT BINARY)", ("int8",))
_SUBTREE: Final = Table("COPY subtree (level, position, hash) FROM STDIN (FORMAT BINARY)", ("int2", "int8", "bytea"))
_GAP: Final = Table(
    "COPY gap (leaf_index, stream, first, last) FROM STDIN (FORMAT BINARY)", ("int8", "bytea", "int8", "int8")
)


def copy_records(connection: Connection, commit: Commit, shared: Shared, spans: SpanKeeper) -> None:
    """Send everything that records of a commit add. psycopg.Error when refused."""
    month = month_of(time.time_ns())
    with connection.cursor() as cursor:
        with cursor.copy(_LEAF) as copy:
            copy.write(b"".join((BEFORE, *leaf_rows(commit, shared.streams, month), AFTER)))
            # Compressed while the server takes the leaves: what was sent is on its way.
            kept = b"".join((BEFORE, *_kept_rows(commit, shared, spans, month), AFTER))
        with cursor.copy(_KEPT) as copy:
            copy.write(kept)


def copy_marks(connection: Connection, commit: Commit) -> None:
    """Send the rows that most commits have none or few of. psycopg.Error when refused."""
    conflicts = [(index,) for index, record in enumerate(commit.records, commit.old_size) if record.finding.conflict]
    for table, rows in ((_CONFLICT, conflicts), (_SUBTREE, commit.subtrees), (_GAP, commit.gaps)):
        copy_rows(connection, table, rows)


def leaf_rows(commit: Commit, streams: Mapping[bytes, int], month: int) -> Iterator[bytes]:
    """Rows of the table ``leaf``."""
    for index, record in enumerate(commit.records, start=commit.old_size):
        commitment, kind, span, at, trace, about, _, seq, stream = record.leaf
        if kind in semconv.REQUEST_KINDS:
            about = None
        place = None if stream is None else streams[stream]
        yield leaf_bytes(
            (index, record.leaf_hash, commitment, KIND_NUMBER[kind], month, trace, span, at - HALF, place, seq, about)
        )


def _kept_rows(commit: Commit, shared: Shared, spans: SpanKeeper, month: int) -> Iterator[bytes]:
    last, number = None, 0
    for index, record in enumerate(commit.records, start=commit.old_size):
        leaf, _, salt, payload, finding, text, places = record
        context, span = payload
        if context is not last:
            last, number = context, shared.contexts[context]
        dictionary, data = spans.pack(span, leaf, finding, text, places)
        place = shared.classes[leaf.kind, leaf.stream, finding.label]
        yield kept_bytes(
            (index, number, finding.score, place, month, dictionary), (salt, subject_bytes(finding.subject), data)
        )


def copy_rows(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Send rows of a table, if there are any. psycopg.Error when refused."""
    if not rows:
        return
    with connection.cursor() as cursor, cursor.copy(table.statement) as copy:
        copy.set_types(table.types)
        for row in rows:
            copy.write_row(row)
