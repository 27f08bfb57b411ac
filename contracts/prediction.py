# SPDX-License-Identifier: Apache-2.0
"""One prediction as the service made it; span, counter and answer are all written from this one event."""

import msgspec

from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import SpanView
from contracts.otlp import AttributeValue, EvidenceSpan, SpanLink

_OPTIONAL = {
    "client_request_id": semconv.CLIENT_REQUEST_ID,
    "batch_id": semconv.BATCH_ID,
    "threshold": semconv.PREDICTION_THRESHOLD,
    "explanation": semconv.EXPLANATION,
    "guardrail_action": semconv.GUARDRAIL_ACTION,
}
_REQUIRED = {
    "subject": semconv.SUBJECT,
    "subject_key_id": semconv.SUBJECT_KEY_ID,
    "caller": semconv.CALLER,
    "input": semconv.INPUT,
    "answer": semconv.ANSWER,
    "label": semconv.PREDICTION_LABEL,
    "score": semconv.PREDICTION_SCORE,
    "answer_status": semconv.ANSWER_STATUS,
}


class PredictionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Ids are 16 and 8 bytes, times unix nanoseconds; ``input``, ``answer`` and ``explanation`` are JSON text."""

    request_id: bytes
    span_id: bytes
    start: int
    end: int
    subject: str
    subject_key_id: str
    caller: str
    input: str
    answer: str
    label: str
    score: float
    answer_status: int
    client_request_id: str | None = None
    batch_id: str | None = None
    threshold: float | None = None
    explanation: str | None = None
    guardrail_action: str | None = None


def to_span(event: PredictionEvent, model_id: str, link: SpanLink | None = None) -> EvidenceSpan:
    """The evidence span of an event."""
    attributes: dict[str, AttributeValue] = {
        semconv.SUBJECT: event.subject,
        semconv.SUBJECT_KEY_ID: event.subject_key_id,
        semconv.CALLER: event.caller,
        semconv.INPUT: event.input,
        semconv.ANSWER: event.answer,
        semconv.PREDICTION_LABEL: event.label,
        semconv.PREDICTION_SCORE: event.score,
        semconv.ANSWER_STATUS: event.answer_status,
    }
    for name, value in (
        (semconv.CLIENT_REQUEST_ID, event.client_request_id),
        (semconv.BATCH_ID, event.batch_id),
        (semconv.PREDICTION_THRESHOLD, event.threshold),
        (semconv.EXPLANATION, event.explanation),
        (semconv.GUARDRAIL_ACTION, event.guardrail_action),
    ):
        if value is not None:
            attributes[name] = value
    return EvidenceSpan(
        "prediction", event.request_id, event.span_id, f"predict {model_id}", event.start, event.end, attributes, link
    )


def from_span(view: SpanView) -> PredictionEvent:
    """The event of a decoded evidence span; ContractError when an attribute is missing or of the wrong type."""
    known = _REQUIRED | _OPTIONAL
    members = {field: view.attributes[name] for field, name in known.items() if name in view.attributes}
    try:
        return msgspec.convert(
            members | {"request_id": view.trace_id, "span_id": view.span_id, "start": view.start, "end": view.end},
            PredictionEvent,
            builtin_types=(bytes,),
        )
    except msgspec.ValidationError as error:
        raise ContractError(f"not a prediction: {error}") from error
