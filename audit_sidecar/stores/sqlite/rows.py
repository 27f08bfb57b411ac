# SPDX-License-Identifier: Apache-2.0
"""How records map to rows, and back to the same bytes."""

from typing import Any, Final

from audit_sidecar.stores.row_values import is_pseudonym, unsigned
from audit_sidecar.stores.store import StreamState
from contracts.payload import PayloadContext

SELECT_RECORD: Final = """
SELECT l.leaf_index, l.leaf_hash, l.commitment, l.kind, l.trace, l.span, l.time, l.seq, l.about,
       s.uuid, s.release, p.salt, p.subject, p.score, p.dictionary, p.span, p.context
FROM leaf AS l LEFT JOIN stream AS s ON s.id = l.stream LEFT JOIN payload AS p ON p.leaf_index = l.leaf_index
"""
SELECT_STREAM: Final = """
SELECT s.uuid, s.producer, s.release, c.resource, c.scope, c.scope_schema_url, c.resource_schema_url,
       s.model_id, s.model_version, s.next_seq, s.first_time, s.last_time, s.ended
FROM stream AS s JOIN context AS c ON c.id = s.context
"""


def subject_key(subject: str | None) -> bytes | str | None:
    """What a subject is indexed by: a pseudonym's 16 bytes, or any other text as it is."""
    return bytes.fromhex(subject) if subject is not None and is_pseudonym(subject) else subject


def subject_text(key: bytes | str | None) -> str | None:
    """The inverse of `subject_key`."""
    return key.hex() if isinstance(key, bytes) else key


def read_stream(row: tuple[Any, ...]) -> StreamState:
    """A row of `SELECT_STREAM`."""
    uuid, producer, release, *context, model_id, model_version, next_seq, first_time, last_time, ended = row
    return StreamState(
        uuid, producer, release, PayloadContext(*context), model_id, model_version, next_seq,
        unsigned(first_time), unsigned(last_time), bool(ended),
    )  # fmt: skip
