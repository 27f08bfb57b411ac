# SPDX-License-Identifier: Apache-2.0
"""Numbers that stand in rows for what many records share: contexts and classes, each kept once.

They are looked up and given within a commit, under the lock of the head, so that nobody else gives the same.
"""

import hashlib
from typing import Any, Final, LiteralString, NamedTuple

from audit_sidecar.errors import Fatal
from audit_sidecar.stores.postgresql.connection import Connection
from audit_sidecar.stores.postgresql.rows import text_bytes
from audit_sidecar.stores.row_values import KIND_NUMBER, context_digest
from contracts.payload import PayloadContext

_CACHED: Final = 4_096
_CONTEXT: Final[tuple[LiteralString, LiteralString]] = (
    "SELECT id FROM context WHERE digest = %s",
    "INSERT INTO context (digest, resource, scope, scope_schema_url, resource_schema_url)"
    " VALUES (%s, %s, %s, %s, %s) RETURNING id",
)
_CLASS: Final[tuple[LiteralString, LiteralString]] = (
    "SELECT id FROM class WHERE digest = %s",
    "INSERT INTO class (digest, kind, model_id, model_version, label) VALUES (%s, %s, %s, %s, %s) RETURNING id",
)


class RecordClass(NamedTuple):
    """What a record counts as."""

    kind: str
    model_id: str | None
    model_version: str | None
    label: str | None


class Numbers:
    """What is known of both; numbers given in a transaction hold only if it does, so each takes a `copy`."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, int] = {}
        self._classes: dict[RecordClass, int] = {}

    def copy(self) -> "Numbers":
        """The same numbers, in a bounded room: foreign senders choose how many contexts there are."""
        made = Numbers()
        made._contexts = dict(self._contexts) if len(self._contexts) < _CACHED else {}
        made._classes = dict(self._classes) if len(self._classes) < _CACHED else {}
        return made

    def context(self, connection: Connection, context: PayloadContext) -> int:
        """The number of a context. psycopg.Error when the database refuses."""
        digest = context_digest(context)
        found = self._contexts.get(digest)
        if found is None:
            found = self._contexts[digest] = _number(connection, _CONTEXT, digest, context)
        return found

    def record_class(self, connection: Connection, wanted: RecordClass) -> int:
        """The number of a class. psycopg.Error when the database refuses."""
        found = self._classes.get(wanted)
        if found is None:
            if wanted.label is not None:  # what an erased record counts as
                self.record_class(connection, wanted._replace(label=None))
            texts = [text_bytes(text) for text in wanted[1:]]
            kind = KIND_NUMBER[wanted.kind]
            found = self._classes[wanted] = _number(connection, _CLASS, _class_digest(kind, texts), (kind, *texts))
        return found


def _class_digest(kind: int, texts: list[bytes | None]) -> bytes:
    parts = [b"-" if text is None else b"%d:%b" % (len(text), text) for text in texts]
    return hashlib.sha256(b"%d " % kind + b"".join(parts)).digest()


def _number(
    connection: Connection, statements: tuple[LiteralString, LiteralString], digest: bytes, values: tuple[Any, ...]
) -> int:
    row = connection.execute(statements[0], (digest,)).fetchone()
    row = row or connection.execute(statements[1], (digest, *values)).fetchone()
    if row is None:
        raise Fatal("the store gave no number to what it was told to keep")
    return int(row[0])
