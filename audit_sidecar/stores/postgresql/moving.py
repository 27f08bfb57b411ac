# SPDX-License-Identifier: Apache-2.0
"""Move what is kept in the earlier form into that of today, byte for byte the same when it is read.

Each step is a transaction of its own over a bounded piece of the log, so that nobody waits for long; the rows of a
piece are in one form or in the other, never in both.
"""

from itertools import starmap
from typing import Any, Final

from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.postgresql.binary_rows import AFTER, BEFORE, KEPT_COLUMNS, kept_bytes
from audit_sidecar.stores.postgresql.connection import MOVED, Connection
from audit_sidecar.stores.postgresql.numbers import Numbers, RecordClass
from audit_sidecar.stores.postgresql.rows import LEAF_AND_STREAM, PART_BITS, bytes_text, subject_bytes
from audit_sidecar.stores.row_values import read_leaf
from audit_sidecar.stores.store import Finding

_STEP: Final = 1_024
_NEXT: Final = "SELECT min(leaf_index) FROM payload"
_ROWS: Final = f"""
{LEAF_AND_STREAM} l.month, s.model_id, s.model_version, p.context, p.salt, p.span, f.subject, f.label, f.score
FROM payload AS p JOIN leaf AS l ON l.leaf_index = p.leaf_index AND l.month = p.month
LEFT JOIN stream AS s ON s.id = l.stream LEFT JOIN finding AS f ON f.leaf_index = p.leaf_index
WHERE p.leaf_index >= %s AND p.leaf_index < %s ORDER BY p.leaf_index FOR UPDATE OF p
"""
_COPY: Final = f"COPY kept ({KEPT_COLUMNS}) FROM STDIN (FORMAT BINARY)"


def move_all(connection: Connection) -> int:
    """Move every record, tally every full part, and say so in the schema's version; how many were moved."""
    mover = Mover(connection)
    while True:
        (start,) = connection.execute(_NEXT).fetchone() or (None,)
        if start is not None:
            mover.move(start)
        elif _settled(connection):
            return mover.moved


def _settled(connection: Connection) -> bool:
    """Tally, then declare everything moved; False when something turned up meanwhile."""
    (size,) = connection.execute("SELECT size FROM head").fetchone() or (0,)
    for part in range(size >> PART_BITS):
        with connection.transaction():
            connection.execute("DELETE FROM tally WHERE part = %s", (part,))
            connection.execute("INSERT INTO tally SELECT * FROM tallied(%s)", (part,))
    with connection.transaction():
        connection.execute("SELECT FROM head FOR UPDATE")
        if connection.execute(_NEXT).fetchone() != (None,):
            return False
        connection.execute("DELETE FROM finding")  # of payloads that were erased without it
        connection.execute("UPDATE meta SET version = %s", (MOVED,))
    return True


class Mover:
    """Moves a step at a time, and counts."""

    def __init__(self, connection: Connection, step: int = _STEP) -> None:
        self.moved = 0
        self._step = step
        self._connection = connection
        self._numbers = Numbers()
        self._spans = SpanKeeper()

    def move(self, start: int) -> None:
        """Move what is kept of the leaves from ``start`` to the end of the step."""
        connection, span = self._connection, (start, start + self._step)
        self._number_classes(span)
        with connection.transaction():
            rows = connection.execute(_ROWS, span, binary=True).fetchall()
            packed = list(starmap(self._packed, rows))
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.write(b"".join((BEFORE, *packed, AFTER)))
            for table in (b"payload", b"finding"):
                connection.execute(
                    b"DELETE FROM %b WHERE leaf_index >= %%s AND leaf_index < %%s" % table, span
                )  # fmt: skip
        self.moved += len(rows)

    def _number_classes(self, span: tuple[int, int]) -> None:
        # Under the head's lock, as sidecars give theirs, and only for as long as that takes.
        wanted = {_class_of(*row) for row in self._connection.execute(_ROWS, span, binary=True)}
        with self._connection.transaction():
            self._connection.execute("SELECT FROM head FOR UPDATE")
            for one in wanted:
                self._numbers.record_class(self._connection, one)

    def _packed(self, index: int, _: bytes, *row: Any) -> bytes:
        leaf = read_leaf(row[:9])
        month, model_id, model_version, context, salt, span, subject, label, score = row[9:]
        finding = Finding(bytes_text(subject), bytes_text(label), score)
        wanted = RecordClass(leaf.kind, bytes_text(model_id), bytes_text(model_version), finding.label)
        kept = self._spans.pack(span, leaf, finding)
        place = self._numbers.record_class(self._connection, wanted)
        numbers = index, context, score, place, month, kept.dictionary
        return kept_bytes(numbers, (salt, subject_bytes(finding.subject), kept.data))


def _class_of(_: int, __: bytes, *row: Any) -> RecordClass:
    leaf, (_month, model_id, model_version, *_rest) = read_leaf(row[:9]), row[9:]
    return RecordClass(leaf.kind, bytes_text(model_id), bytes_text(model_version), bytes_text(row[16]))
