# SPDX-License-Identifier: Apache-2.0
"""The evidence span of a prediction, written fast: what does not change is encoded beforehand.

Byte for byte what `contracts.otlp.encode_span` makes of `contracts.prediction.to_span`, which say what a span is; tests
hold this to them.
"""

import struct
from functools import lru_cache
from typing import Final

from contracts import semconv
from contracts.otlp import EvidenceSpan, SpanLink, encode_attribute, encode_span
from contracts.prediction import PredictionEvent
from contracts.wire import bytes_field, varint

_TIMES: Final = struct.Struct("<BQBQ")
_DOUBLE: Final = struct.Struct("<d")
_REMEMBERED: Final = 4096


class SpanWriter:
    """Writes spans of one model."""

    def __init__(self, model_id: str) -> None:
        empty = encode_span(EvidenceSpan("prediction", bytes(16), bytes(8), f"predict {model_id}", 0, 0, {}))
        head, kind = empty.split(_TIMES.pack(0x39, 0, 0x41, 0))
        # Ids stand first, each behind its key and length.
        self._name = head[2 + 16 + 2 + 8 :]
        self._kind = kind

    def write(self, event: PredictionEvent, link: SpanLink | None) -> bytes:
        """A span that still lacks its sequence number."""
        subject, data, answer = event.subject.encode(), event.input.encode(), event.answer.encode()
        parts = [
            b"\x0a\x10",
            event.request_id,
            b"\x12\x08",
            event.span_id,
            self._name,
            _TIMES.pack(0x39, event.start, 0x41, event.end),
            self._kind,
            _text_head(semconv.SUBJECT, len(subject)),
            subject,
            _short(semconv.SUBJECT_KEY_ID, event.subject_key_id),
            _short(semconv.CALLER, event.caller),
            _text_head(semconv.INPUT, len(data)),
            data,
            _text_head(semconv.ANSWER, len(answer)),
            answer,
            _short(semconv.PREDICTION_LABEL, event.label),
            _SCORE_HEAD,
            _DOUBLE.pack(event.score),
            _short(semconv.ANSWER_STATUS, event.answer_status),
        ]
        parts += _optional(event)
        if link is not None:
            parts.append(_link(link))
        return b"".join(parts)


def _optional(event: PredictionEvent) -> list[bytes]:
    parts: list[bytes] = []
    if event.client_request_id is not None:
        parts.append(_field(semconv.CLIENT_REQUEST_ID, event.client_request_id))
    if event.batch_id is not None:
        parts.append(_short(semconv.BATCH_ID, event.batch_id))
    if event.threshold is not None:
        parts.append(_short(semconv.PREDICTION_THRESHOLD, event.threshold))
    if event.explanation is not None:
        text = event.explanation.encode()
        parts += (_text_head(semconv.EXPLANATION, len(text)), text)
    if event.guardrail_action is not None:
        parts.append(_short(semconv.GUARDRAIL_ACTION, event.guardrail_action))
    return parts


def _field(name: str, value: str | float) -> bytes:
    return bytes_field(9, encode_attribute(name, value))


@lru_cache(maxsize=512, typed=True)
def _short(name: str, value: str | float) -> bytes:
    # Keys, callers, labels, statuses and thresholds are few and come again and again; a batch has one id for its rows.
    return _field(name, value)


def _text_head_of(name: str, length: int) -> bytes:
    key = bytes_field(1, name.encode())
    size = varint(length)
    text = 1 + len(size) + length
    inner = varint(text)
    return b"".join((b"\x4a", varint(len(key) + 1 + len(inner) + text), key, b"\x12", inner, b"\x0a", size))


_text_head: Final = lru_cache(maxsize=_REMEMBERED)(_text_head_of)
"""What stands before a text of so many bytes."""

_SCORE_HEAD: Final = _field(semconv.PREDICTION_SCORE, 0.0)[:-8]


def _link(link: SpanLink) -> bytes:
    with_link = encode_span(EvidenceSpan("prediction", b"", b"", "", 0, 0, {}, link))
    return with_link[len(_WITHOUT_LINK) :]


_WITHOUT_LINK: Final = encode_span(EvidenceSpan("prediction", b"", b"", "", 0, 0, {}))
