# SPDX-License-Identifier: Apache-2.0
"""One record as people and programs see it: decoded from its payload, after its commitment was checked."""

from typing import Any

import msgspec

from audit_sidecar.errors import AuditError
from audit_sidecar.stores.soundness import fault_of
from audit_sidecar.stores.store import StoredRecord
from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import decode_resource, decode_span
from contracts.identifiers import uuid_text
from contracts.otlp import AttributeValue
from contracts.timestamps import format_time

_SHOWN_APART = frozenset(
    {
        semconv.RECORD_KIND, semconv.STREAM_SEQ, semconv.SUBJECT, semconv.SUBJECT_KEY_ID, semconv.CALLER,
        semconv.CLIENT_REQUEST_ID, semconv.BATCH_ID, semconv.INPUT, semconv.ANSWER, semconv.PREDICTION_LABEL,
        semconv.PREDICTION_SCORE, semconv.PREDICTION_THRESHOLD, semconv.EXPLANATION, semconv.GUARDRAIL_ACTION,
        semconv.ANSWER_STATUS,
    }
)  # fmt: skip


class EvidenceDamaged(AuditError):
    """A record whose payload does not open its commitment: what is stored is not what was acknowledged."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record. What a kind of record does not have is left out."""

    index: int
    kind: str
    time: str
    leaf_hash: str
    trace: str
    erased: bool
    request_id: str | None = None
    stream: str | None = None
    seq: int | None = None
    release: str | None = None
    model_id: str | None = None
    model_version: str | None = None
    caller: str | None = None
    subject: str | None = None
    subject_key_id: str | None = None
    client_request_id: str | None = None
    batch_id: str | None = None
    features: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    label: str | None = None
    score: float | None = None
    threshold: float | None = None
    explanation: Any = None
    guardrail: str | None = None
    status: int | None = None
    attributes: dict[str, AttributeValue] | None = None
    """Whatever else the span says: reasons, targets and counts of other kinds; everything of a foreign span."""


def entry_of(record: StoredRecord) -> Entry:
    """The entry of a stored record; EvidenceDamaged when its payload is not the one it committed to."""
    require_sound(record)
    leaf = record.leaf
    head = Entry(
        index=record.leaf_index,
        kind=leaf.kind,
        time=format_time(leaf.time),
        leaf_hash=record.leaf_hash.hex(),
        trace=leaf.trace.hex(),
        erased=record.payload is None,
        request_id=None if leaf.id is None else uuid_text(leaf.id),
        stream=None if leaf.stream is None else uuid_text(leaf.stream),
        seq=leaf.seq,
        release=None if leaf.release is None else leaf.release.hex(),
    )
    if record.payload is None or record.salt is None:
        return head
    try:
        return _filled(head, record)
    except (ContractError, msgspec.DecodeError) as error:
        if leaf.kind == "span":  # a stranger's span need not follow our rules; it is kept and shown as opaque
            return head
        raise EvidenceDamaged(f"the payload of leaf {record.leaf_index} cannot be read: {error}") from error


def require_sound(record: StoredRecord) -> None:
    """EvidenceDamaged unless the record is what was acknowledged."""
    fault = fault_of(record)
    if fault is not None:
        raise EvidenceDamaged(f"leaf {record.leaf_index}: {fault}; run 'countersign audit fsck'")


def _filled(head: Entry, record: StoredRecord) -> Entry:
    assert record.payload is not None
    span = decode_span(record.payload.span).attributes
    if record.leaf.kind == "span":
        return msgspec.structs.replace(head, attributes=dict(span))
    resource = decode_resource(record.payload.context.resource)
    rest = {name: value for name, value in span.items() if name not in _SHOWN_APART}
    members: dict[str, Any] = {
        "model_id": resource.get(semconv.MODEL_ID),
        "model_version": resource.get(semconv.MODEL_VERSION),
        "caller": span.get(semconv.CALLER),
        "subject": span.get(semconv.SUBJECT),
        "subject_key_id": span.get(semconv.SUBJECT_KEY_ID),
        "client_request_id": span.get(semconv.CLIENT_REQUEST_ID),
        "batch_id": span.get(semconv.BATCH_ID),
        "features": _json(span.get(semconv.INPUT)),
        "answer": _json(span.get(semconv.ANSWER)),
        "label": span.get(semconv.PREDICTION_LABEL),
        "score": span.get(semconv.PREDICTION_SCORE),
        "threshold": span.get(semconv.PREDICTION_THRESHOLD),
        "explanation": _json(span.get(semconv.EXPLANATION)),
        "guardrail": span.get(semconv.GUARDRAIL_ACTION),
        "status": span.get(semconv.ANSWER_STATUS),
        "attributes": rest or None,
    }
    return msgspec.structs.replace(head, **members)


def _json(text: AttributeValue | None) -> Any:
    return msgspec.json.decode(text) if isinstance(text, str) else None
