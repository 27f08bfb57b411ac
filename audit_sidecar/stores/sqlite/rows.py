# SPDX-License-Identifier: Apache-2.0
"""How records map to rows, and back to the same bytes."""

import hashlib
from typing import Any, Final

from audit_sidecar.stores.kept_span import KeptSpan, SpanKeeper
from audit_sidecar.stores.store import Finding, StoredRecord, StreamState
from contracts import semconv
from contracts.leaf import Leaf
from contracts.payload import Payload, PayloadContext, payload_bytes

KIND_NUMBER: Final = {kind: number for number, kind in enumerate(semconv.RECORD_KINDS)}
HALF: Final = 1 << 63

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


def signed(unsigned: int) -> int:
    """A u64 as SQLite's signed integer, moved down by 2**63 so that the order of times is the order of rows."""
    return unsigned - HALF


def unsigned(value: int) -> int:
    """The inverse of `signed`."""
    return value + HALF


def subject_key(subject: str | None) -> bytes | str | None:
    """What a subject is indexed by: a pseudonym's 16 bytes, or any other text as it is."""
    if subject is not None and len(subject) == 32 and not subject.strip("0123456789abcdef"):
        return bytes.fromhex(subject)
    return subject


def subject_text(key: bytes | str | None) -> str | None:
    """The inverse of `subject_key`."""
    return key.hex() if isinstance(key, bytes) else key


def context_digest(context: PayloadContext) -> bytes:
    """Identifies a context: the digest of the payload it gives an empty span."""
    return hashlib.sha256(payload_bytes(Payload(context, b""))).digest()


def read_stream(row: tuple[Any, ...]) -> StreamState:
    """A row of `SELECT_STREAM`."""
    uuid, producer, release, *context, model_id, model_version, next_seq, first_time, last_time, ended = row
    return StreamState(
        uuid, producer, release, PayloadContext(*context), model_id, model_version, next_seq,
        unsigned(first_time), unsigned(last_time), bool(ended),
    )  # fmt: skip


def read_record(row: tuple[Any, ...], context: PayloadContext | None, spans: SpanKeeper) -> StoredRecord:
    """A row of `SELECT_RECORD`, with the context that it names."""
    index, leaf_hash, commitment, number, trace, span_id, time, seq, about, stream, release, *kept = row
    # A number that no kind has is given as it is: the row then does not give its leaf's hash, and is named for it.
    kind = semconv.RECORD_KINDS[number] if 0 <= number < len(semconv.RECORD_KINDS) else f"unknown {number}"
    leaf = Leaf(
        commitment, kind, span_id, unsigned(time), trace,
        trace if kind in semconv.REQUEST_KINDS else about, release, seq, stream,
    )  # fmt: skip
    salt, subject, score, dictionary, data, _ = kept
    if context is None or data is None:
        return StoredRecord(index, leaf, leaf_hash, salt, None)
    span = spans.unpack(KeptSpan(dictionary, data), leaf, Finding(subject_text(subject), None, score))
    return StoredRecord(index, leaf, leaf_hash, salt, Payload(context, span))
