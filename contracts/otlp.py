# SPDX-License-Identifier: Apache-2.0
"""Build evidence spans as OTLP bytes, once, without an SDK.

The SDK's Tracer, processors and encoder can be switched off or made to truncate from outside, and cost many times
more; see docs/adr. What is built here decodes with the stock opentelemetry-proto classes. Field numbers:
opentelemetry-proto, trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto.
"""

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from contracts import semconv
from contracts.wire import bytes_field, varint, varint_field

AttributeValue = str | bool | int | float
SPAN_KIND_INTERNAL: Final = 1
SPAN_KIND_SERVER: Final = 2
STATUS_ERROR: Final = 2


_TIMES: Final = struct.Struct("<BQBQ")
_FEW_VALUES: Final = frozenset(
    {semconv.SUBJECT_KEY_ID, semconv.CALLER, semconv.PREDICTION_LABEL, semconv.ANSWER_STATUS, semconv.HTTP_ROUTE}
)
"""Attributes whose encoding is worth keeping, because few values come again and again."""


class SpanLink(NamedTuple):
    """A caller's trace context. It becomes a link, never a parent: a caller must not choose our trace id."""

    trace_id: bytes
    span_id: bytes
    trace_state: str = ""


class EvidenceSpan(NamedTuple):
    """One record before it has a place in its stream. Times are unix nanoseconds, ids 16 and 8 bytes."""

    kind: str
    trace_id: bytes
    span_id: bytes
    name: str
    start: int
    end: int
    attributes: Mapping[str, AttributeValue]
    link: SpanLink | None = None
    failed: bool = False


@lru_cache(maxsize=512)
def _key(name: str) -> bytes:
    return bytes_field(1, name.encode())


@lru_cache(maxsize=64)
def _name(name: str) -> bytes:
    return bytes_field(5, name.encode())


@lru_cache(maxsize=512, typed=True)
def _repeated(name: str, value: str | int) -> bytes:
    return bytes_field(9, encode_attribute(name, value))


def encode_attribute(name: str, value: AttributeValue) -> bytes:
    """One ``KeyValue`` message."""
    if isinstance(value, str):
        any_value = bytes_field(1, value.encode())
    elif isinstance(value, bool):
        any_value = b"\x10\x01" if value else b"\x10\x00"
    elif isinstance(value, int):
        any_value = varint_field(3, value)
    else:
        any_value = b"\x21" + struct.pack("<d", value)
    return _key(name) + b"\x12" + varint(len(any_value)) + any_value


def encode_resource(attributes: Mapping[str, AttributeValue]) -> bytes:
    """A ``Resource`` message."""
    return b"".join(bytes_field(1, encode_attribute(name, value)) for name, value in attributes.items())


def encode_scope(version: str) -> bytes:
    """The ``InstrumentationScope`` of evidence spans."""
    return bytes_field(1, semconv.SCOPE_NAME.encode()) + bytes_field(2, version.encode())


def encode_span(span: EvidenceSpan) -> bytes:
    """A ``Span`` message that still lacks its sequence number; `with_sequence` adds it."""
    parts = [
        b"\x0a\x10" + span.trace_id + b"\x12\x08" + span.span_id,
        _name(span.name),
        b"\x30\x02" if span.kind in semconv.REQUEST_KINDS else b"\x30\x01",
        _TIMES.pack(0x39, span.start, 0x41, span.end),
        _repeated(semconv.RECORD_KIND, span.kind),
    ]
    for name, value in span.attributes.items():
        if name in _FEW_VALUES and isinstance(value, str | int):
            parts.append(_repeated(name, value))
        elif isinstance(value, str):
            # The same bytes as encode_attribute inside field 9, without its calls: most of a record is text.
            data = value.encode()
            size = varint(len(data))
            text = 1 + len(size) + len(data)
            key, length = _key(name), varint(text)
            parts += (b"\x4a", varint(len(key) + 1 + len(length) + text), key, b"\x12", length, b"\x0a", size, data)
        else:
            parts.append(bytes_field(9, encode_attribute(name, value)))
    if span.link is not None:
        parts.append(bytes_field(13, _encode_link(span.link)))
    if span.failed:
        parts.append(bytes_field(15, varint_field(3, STATUS_ERROR)))
    return b"".join(parts)


def span_ids(span: bytes) -> tuple[bytes, bytes]:
    """Trace id and span id of a span that `encode_span` built: it puts them first, so nothing need be parsed."""
    return span[2:18], span[20:28]


def with_sequence(span: bytes, sequence: int, attributes: Mapping[str, AttributeValue] | None = None) -> bytes:
    """Complete an encoded span with its sequence number, and with attributes known only then.

    Protobuf fields may stand in any order, so they are appended; the span is still encoded only once.
    """
    if attributes:
        span += b"".join(bytes_field(9, encode_attribute(name, value)) for name, value in attributes.items())
    number = varint(sequence)
    return b"".join((span, _SEQUENCE_HEADS[len(number)], number))


def _sequence_head(digits: int) -> bytes:
    key = _key(semconv.STREAM_SEQ)
    return b"".join((b"\x4a", varint(len(key) + 2 + 1 + digits), key, b"\x12", varint(1 + digits), b"\x18"))


_SEQUENCE_HEADS: Final = tuple(_sequence_head(digits) for digits in range(11))
"""What stands before a sequence number whose varint has so many bytes."""


def encode_export(resource: bytes, scope: bytes, spans: Iterable[bytes]) -> bytes:
    """An ``ExportTraceServiceRequest`` with one ``ResourceSpans``, one ``ScopeSpans`` and the spans in order."""
    parts = [bytes_field(1, scope)]
    for span in spans:
        parts += (b"\x12", varint(len(span)), span)
    # Of lengths only: an export is up to a mebibyte, and each nesting would copy it once more.
    scope_spans = sum(map(len, parts))
    head = b"".join((bytes_field(1, resource), b"\x12", varint(scope_spans)))
    return b"".join((b"\x0a", varint(len(head) + scope_spans), head, *parts))


def _encode_link(link: SpanLink) -> bytes:
    parts = bytes_field(1, link.trace_id) + bytes_field(2, link.span_id)
    return parts + bytes_field(3, link.trace_state.encode()) if link.trace_state else parts
