# SPDX-License-Identifier: Apache-2.0
"""The rows of one commit, sent with COPY in PostgreSQL's binary form."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString, NamedTuple

from audit_sidecar.stores.postgresql.connection import Connection
from audit_sidecar.stores.postgresql.rows import leaf_row, month_of, text_bytes
from audit_sidecar.stores.store import Commit
from contracts.payload import PayloadContext


class _Table(NamedTuple):
    statement: LiteralString
    types: tuple[str, ...]


_LEAF = _Table(
    "COPY leaf FROM STDIN (FORMAT BINARY)",
    ("int8", "bytea", "bytea", "int2", "int2", "bytea", "bytea", "int8", "int8", "int8", "bytea"),
)
_PAYLOAD = _Table("COPY payload FROM STDIN (FORMAT BINARY)", ("int8", "int2", "int8", "bytea", "bytea"))
_FINDING = _Table("COPY finding FROM STDIN (FORMAT BINARY)", ("int8", "bytea", "bytea", "float8"))
_CONFLICT = _Table("COPY conflict FROM STDIN (FORMAT BINARY)", ("int8",))
_SUBTREE = _Table("COPY subtree FROM STDIN (FORMAT BINARY)", ("int2", "int8", "bytea"))
_GAP = _Table("COPY gap FROM STDIN (FORMAT BINARY)", ("int8", "bytea", "int8", "int8"))


def copy_records(
    connection: Connection, commit: Commit, streams: Mapping[bytes, int], contexts: Mapping[PayloadContext, int]
) -> None:
    """Send everything a commit adds; ``streams`` and ``contexts`` give their numbers. psycopg.Error when refused."""
    month = month_of(time.time_ns())
    leaves: list[tuple[Any, ...]] = []
    payloads: list[tuple[Any, ...]] = []
    findings: list[tuple[Any, ...]] = []
    conflicts: list[tuple[Any, ...]] = []
    for index, record in enumerate(commit.records, start=commit.old_size):
        stream = None if record.leaf.stream is None else streams[record.leaf.stream]
        leaves.append(leaf_row(index, record, stream, month))
        payloads.append((index, month, contexts[record.payload.context], record.salt, record.payload.span))
        finding = record.finding
        if (finding.subject, finding.label, finding.score) != (None, None, None):
            findings.append((index, text_bytes(finding.subject), text_bytes(finding.label), finding.score))
        if finding.conflict:
            conflicts.append((index,))
    for table, rows in (
        (_LEAF, leaves), (_PAYLOAD, payloads), (_FINDING, findings), (_CONFLICT, conflicts),
        (_SUBTREE, commit.subtrees), (_GAP, commit.gaps),
    ):  # fmt: skip
        _copy(connection, table, rows)


def _copy(connection: Connection, table: _Table, rows: Iterable[tuple[Any, ...]]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor, cursor.copy(table.statement) as copy:
        copy.set_types(table.types)
        for row in rows:
            copy.write_row(row)
