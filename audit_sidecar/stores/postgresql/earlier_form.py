# SPDX-License-Identifier: Apache-2.0
"""The form in which version 1 of the schema keeps records: a payload as it came, and apart what it is found by.

Written while the schema has version 2, so that programs of version 1 go on; read until `moving` has brought every row
into the form of today.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, LiteralString

from audit_sidecar.stores.postgresql.binary_rows import AFTER, BEFORE, LEAF_COLUMNS
from audit_sidecar.stores.postgresql.connection import Connection
from audit_sidecar.stores.postgresql.copying import Table, copy_rows, leaf_rows
from audit_sidecar.stores.postgresql.rows import LEAF_AND_STREAM, bytes_text, month_of, read_finding, text_bytes
from audit_sidecar.stores.store import Commit, Finding
from contracts.payload import PayloadContext

_LEAF: Final = f"COPY leaf ({LEAF_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_PAYLOAD: Final = Table(
    "COPY payload (leaf_index, month, context, salt, span) FROM STDIN (FORMAT BINARY)",
    ("int8", "int2", "int8", "bytea", "bytea"),
)
_FINDING: Final = Table(
    "COPY finding (leaf_index, subject, label, score) FROM STDIN (FORMAT BINARY)", ("int8", "bytea", "bytea", "float8")
)

SELECT_RECORD: Final[LiteralString] = f"""
{LEAF_AND_STREAM} coalesce(k.salt, p.salt), k.subject, k.score, coalesce(k.dictionary, 0), coalesce(k.span, p.span),
       coalesce(k.context, p.context)
FROM leaf AS l LEFT JOIN stream AS s ON s.id = l.stream
LEFT JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
LEFT JOIN payload AS p ON p.leaf_index = l.leaf_index AND p.month = l.month
"""
SELECT_FINDING: Final = """
SELECT l.leaf_index, k.subject, c.label, k.score, x.leaf_index IS NOT NULL, f.subject, f.label, f.score
FROM leaf AS l LEFT JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
LEFT JOIN class AS c ON c.id = k.class LEFT JOIN conflict AS x ON x.leaf_index = l.leaf_index
LEFT JOIN finding AS f ON f.leaf_index = l.leaf_index
"""


def copy_records(
    connection: Connection, commit: Commit, streams: Mapping[bytes, int], contexts: Mapping[PayloadContext, int]
) -> None:
    """Send everything that records of a commit add, in this form. psycopg.Error when refused."""
    month = month_of(time.time_ns())
    payloads: list[tuple[Any, ...]] = []
    findings: list[tuple[Any, ...]] = []
    for index, record in enumerate(commit.records, start=commit.old_size):
        payloads.append((index, month, contexts[record.payload.context], record.salt, record.payload.span))
        finding = record.finding
        if (finding.subject, finding.label, finding.score) != (None, None, None):
            findings.append((index, text_bytes(finding.subject), text_bytes(finding.label), finding.score))
    with connection.cursor() as cursor, cursor.copy(_LEAF) as copy:
        copy.write(b"".join((BEFORE, *leaf_rows(commit, streams, month), AFTER)))
    copy_rows(connection, _PAYLOAD, payloads)
    copy_rows(connection, _FINDING, findings)


def read_either_finding(row: tuple[Any, ...]) -> Finding:
    """What `SELECT_FINDING` says after the leaf's index, in whichever form it is kept."""
    found = read_finding(row[:4])
    subject, label, score = row[4:]
    if (subject, label, score) == (None, None, None):
        return found
    return Finding(bytes_text(subject), bytes_text(label), score, found.conflict)
