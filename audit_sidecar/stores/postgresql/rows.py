# SPDX-License-Identifier: Apache-2.0
"""How records map to rows, and back to the same bytes."""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString

from audit_sidecar.stores.row_values import is_pseudonym, unsigned
from audit_sidecar.stores.store import Finding, StreamState
from contracts.payload import PayloadContext

PART_BITS: Final = 13
"""A part of the log, which is tallied when it is full, has two to this power of leaves; so in schema.sql."""
SUBJECT_PART_BITS: Final = 16
"""The same of what the index by subject is in order within."""

LEAF_AND_STREAM: Final = """
SELECT l.leaf_index, l.leaf_hash, l.commitment, l.kind, l.trace, l.span, l.time, l.seq, l.about, s.uuid, s.release,
"""
SELECT_RECORD: Final[LiteralString] = f"""
{LEAF_AND_STREAM} k.salt, k.subject, k.score, k.dictionary, k.span, k.context
FROM leaf AS l LEFT JOIN stream AS s ON s.id = l.stream
LEFT JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
"""
SELECT_FINDING: Final = """
SELECT l.leaf_index, k.subject, (SELECT c.label FROM class AS c WHERE c.id = k.class), k.score,
       x.leaf_index IS NOT NULL
FROM leaf AS l LEFT JOIN conflict AS x ON x.leaf_index = l.leaf_index
LEFT JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
"""
SELECT_STREAM: Final = """
SELECT s.uuid, s.producer, s.release, c.resource, c.scope, c.scope_schema_url, c.resource_schema_url,
       s.model_id, s.model_version, s.next_seq, s.first_time, s.last_time, s.ended
FROM stream AS s JOIN context AS c ON c.id = s.context
"""
_PSEUDONYM, _TEXT = b"\x01", b"\x00"


def text_bytes(text: str | None) -> bytes | None:
    """A sender's text as it is kept. What is no text at all comes back as it was, too."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def bytes_text(data: bytes | None) -> str | None:
    """The inverse of `text_bytes`."""
    return None if data is None else data.decode("utf-8", "surrogatepass")


def subject_bytes(subject: str | None) -> bytes | None:
    """A subject as it is kept: half as long where it is a pseudonym."""
    if subject is None:
        return None
    if is_pseudonym(subject):
        return _PSEUDONYM + bytes.fromhex(subject)
    return _TEXT + subject.encode("utf-8", "surrogatepass")


def subject_text(data: bytes | None) -> str | None:
    """The inverse of `subject_bytes`; of a damaged row, some text."""
    if data is None:
        return None
    return data[1:].hex() if data[:1] == _PSEUDONYM else data[1:].decode("utf-8", "surrogatepass")


def month_of(nanoseconds: int) -> int:
    """The month of a time, counted from the year 0."""
    time = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return time.year * 12 + time.month - 1


def read_finding(row: tuple[Any, ...]) -> Finding:
    """Subject, label, score and whether there is a conflict."""
    subject, label, score, conflict = row
    return Finding(subject_text(subject), bytes_text(label), score, conflict)


def read_stream(row: tuple[Any, ...]) -> StreamState:
    """A row of `SELECT_STREAM`."""
    uuid, producer, release, *context, model_id, model_version, next_seq, first_time, last_time, ended = row
    return StreamState(
        uuid, producer.decode("utf-8", "surrogatepass"), release, PayloadContext(*context), bytes_text(model_id),
        bytes_text(model_version), next_seq, unsigned(first_time), unsigned(last_time), ended,
    )  # fmt: skip
