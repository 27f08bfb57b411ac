# SPDX-License-Identifier: Apache-2.0
"""How records map to rows, and back to the same bytes."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from audit_sidecar.stores.store import Finding, NewRecord, StoredRecord, StreamState
from contracts import semconv
from contracts.leaf import Leaf
from contracts.payload import Payload, PayloadContext, payload_bytes

KIND_NUMBER: Final = {kind: number for number, kind in enumerate(semconv.RECORD_KINDS)}
_HALF: Final = 1 << 63

SELECT_RECORD: Final = """
SELECT l.leaf_index, l.leaf_hash, l.commitment, l.kind, l.trace, l.span, l.time, l.seq, l.about,
       s.uuid, s.release, p.salt, p.span, p.context
FROM leaf AS l LEFT JOIN stream AS s ON s.id = l.stream
LEFT JOIN payload AS p ON p.leaf_index = l.leaf_index AND p.month = l.month
"""
SELECT_STREAM: Final = """
SELECT s.uuid, s.producer, s.release, c.resource, c.scope, c.scope_schema_url, c.resource_schema_url,
       s.model_id, s.model_version, s.next_seq, s.first_time, s.last_time, s.ended
FROM stream AS s JOIN context AS c ON c.id = s.context
"""


def signed(unsigned: int) -> int:
    """A u64 as bigint, moved down by 2**63 so that the order of times is the order of rows."""
    return unsigned - _HALF


def unsigned(value: int) -> int:
    """The inverse of `signed`."""
    return value + _HALF


def text_bytes(text: str | None) -> bytes | None:
    """A sender's text as it is kept. What is no text at all comes back as it was, too."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def bytes_text(data: bytes | None) -> str | None:
    """The inverse of `text_bytes`."""
    return None if data is None else data.decode("utf-8", "surrogatepass")


def month_of(nanoseconds: int) -> int:
    """The month of a time, counted from the year 0."""
    time = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return time.year * 12 + time.month - 1


def context_digest(context: PayloadContext) -> bytes:
    """Identifies a context: the digest of the payload it gives an empty span."""
    return hashlib.sha256(payload_bytes(Payload(context, b""))).digest()


def leaf_row(index: int, record: NewRecord, stream: int | None, month: int) -> tuple[Any, ...]:
    """A row of the table ``leaf``."""
    leaf = record.leaf
    about = None if leaf.kind in semconv.REQUEST_KINDS else leaf.id
    return (
        index, record.leaf_hash, leaf.commitment, KIND_NUMBER[leaf.kind], month, leaf.trace, leaf.span,
        signed(leaf.time), stream, leaf.seq, about,
    )  # fmt: skip


def read_finding(row: tuple[Any, ...]) -> Finding:
    """Subject, label, score and whether there is a conflict."""
    subject, label, score, conflict = row
    return Finding(bytes_text(subject), bytes_text(label), score, conflict)


def read_stream(row: tuple[Any, ...]) -> StreamState:
    """A row of `SELECT_STREAM`."""
    uuid, producer, release, *context, model_id, model_version, next_seq, first_time, last_time, ended = row
    return StreamState(
        uuid, producer.decode("utf-8", "surrogatepass"), release, PayloadContext(*context), bytes_text(model_id),
        bytes_text(model_version), next_seq, unsigned(first_time), unsigned(last_time), ended,
    )  # fmt: skip


def read_record(row: tuple[Any, ...], context: PayloadContext | None) -> StoredRecord:
    """A row of `SELECT_RECORD`, with the context that it names."""
    index, leaf_hash, commitment, number, trace, span_id, time, seq, about, stream, release, salt, span, _ = row
    # A number that no kind has is given as it is: the row then does not give its leaf's hash, and is named for it.
    kind = semconv.RECORD_KINDS[number] if 0 <= number < len(semconv.RECORD_KINDS) else f"unknown {number}"
    leaf = Leaf(
        commitment, kind, span_id, unsigned(time), trace,
        trace if kind in semconv.REQUEST_KINDS else about, release, seq, stream,
    )  # fmt: skip
    payload = None if context is None or span is None else Payload(context, span)
    return StoredRecord(index, leaf, leaf_hash, salt, payload)
