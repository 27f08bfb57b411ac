# SPDX-License-Identifier: Apache-2.0
"""Read evidence back from its bytes: what a span says, and what a producer's span must say.

Pure and standard library only: sidecar, fsck and the offline verifier derive the same record from the same bytes.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from contracts import semconv
from contracts.errors import ContractError
from contracts.identifiers import is_uuid7, parse_uuid
from contracts.otlp import AttributeValue
from contracts.own_layout import read_own_layout
from contracts.payload import PayloadContext
from contracts.wire import FIXED64, VARINT, expect_bytes, expect_int, expect_text, fields, read_varint

_KINDS = frozenset(semconv.RECORD_KINDS) - {"span"}
_MAX_SEQUENCE = (1 << 63) - 2
"""The number after it still fits a signed 64-bit integer, which is what stores keep."""
_SHORT: Final = 80
"""Attribute messages up to this many bytes are remembered."""


class SpanView(NamedTuple):
    """The parts of a ``Span`` that evidence uses. Attribute values of array, map and bytes type are left out."""

    trace_id: bytes
    span_id: bytes
    name: str
    start: int
    end: int
    attributes: Mapping[str, AttributeValue]


class Origin(NamedTuple):
    """What a producer's Resource says: the stream (16 bytes), the release digest (32 bytes) and its attributes."""

    stream: bytes
    release: bytes
    attributes: Mapping[str, AttributeValue]


class Record(NamedTuple):
    """A producer's span, checked: its kind, its place in the stream and the prediction it is or is about."""

    kind: str
    sequence: int
    request_id: bytes | None
    span: SpanView


def decode_attributes(messages: list[bytes]) -> dict[str, AttributeValue]:
    """Decode ``KeyValue`` messages; a repeated key is a ContractError, for a reader would see only the last."""
    found: dict[str, AttributeValue | None] = {}
    for message in messages:
        key, value = _short_attribute(message) if len(message) <= _SHORT else _attribute(message)
        if key in found:
            raise ContractError(f"attribute {key[:128]!r} occurs twice")
        found[key] = value
    return {key: value for key, value in found.items() if value is not None}


def _attribute(message: bytes) -> tuple[str, AttributeValue | None]:
    return _text_attribute(message) or _any_attribute(message)


@lru_cache(maxsize=4096)
def _short_attribute(message: bytes) -> tuple[str, AttributeValue | None]:
    # Kinds, labels, thresholds and callers come again in every span, byte for byte.
    return _attribute(message)


def _text_attribute(message: bytes) -> tuple[str, str] | None:
    """A ``KeyValue`` of short key and text in the layout that encoders give it; None for any other, valid or not."""
    try:
        key_end = 2 + message[1]
        if message[0] != 0x0A or message[1] >= 0x80 or message[key_end] != 0x12:
            return None
        length, start = read_varint(message, key_end + 1)
        if start + length != len(message) or message[start] != 0x0A:
            return None
        length, start = read_varint(message, start + 1)
        if start + length != len(message):
            return None
        return message[2:key_end].decode(), message[start:].decode()
    except (IndexError, ContractError, UnicodeDecodeError):
        return None


def _any_attribute(message: bytes) -> tuple[str, AttributeValue | None]:
    key, any_value = "", b""
    for number, _, part in fields(message):
        if number == 1:
            key = expect_text(number, part)
        elif number == 2:
            # A message field that occurs twice is merged by protobuf, and merging is concatenation.
            any_value += expect_bytes(number, part)
    return key, _any_value(any_value)


def decode_resource(resource: bytes | None) -> dict[str, AttributeValue]:
    """Attributes of a ``Resource`` message."""
    return decode_attributes(
        [expect_bytes(number, value) for number, _, value in fields(resource or b"") if number == 1]
    )


def read_ids(span: bytes) -> tuple[bytes, bytes, int]:
    """Trace id, span id and end time of any span; ContractError when an id has not 16 and 8 bytes."""
    trace_id = span_id = b""
    end = 0
    for number, wire_type, value in fields(span):
        if number == 1:
            trace_id = expect_bytes(number, value)
        elif number == 2:
            span_id = expect_bytes(number, value)
        elif number == 8:
            end = expect_int(number, wire_type, value, FIXED64)
    _require_ids(trace_id, span_id)
    return trace_id, span_id, end


def _require_ids(trace_id: bytes, span_id: bytes) -> None:
    if len(trace_id) != 16 or len(span_id) != 8:
        raise ContractError("a span needs a trace_id of 16 bytes and a span_id of 8")


def decode_span(span: bytes) -> SpanView:
    """The view of a ``Span`` message; ContractError when it is malformed or repeats an attribute."""
    own = read_own_layout(span)
    return _walk_span(span) if own is None else SpanView(*own)


def _walk_span(span: bytes) -> SpanView:
    trace_id = span_id = b""
    name, times = "", {7: 0, 8: 0}
    attributes: list[bytes] = []
    for number, wire_type, value in fields(span):
        if number == 9:
            attributes.append(expect_bytes(number, value))
        elif number in times:
            times[number] = expect_int(number, wire_type, value, FIXED64)
        elif number == 1:
            trace_id = expect_bytes(number, value)
        elif number == 2:
            span_id = expect_bytes(number, value)
        elif number == 5:
            name = expect_text(number, value)
    _require_ids(trace_id, span_id)
    return SpanView(trace_id, span_id, name, times[7], times[8], decode_attributes(attributes))


def read_origin(context: PayloadContext) -> Origin:
    """Stream and release of a producer's Resource; ContractError when either is missing or malformed."""
    attributes = decode_resource(context.resource)
    stream = parse_uuid(_text(attributes, semconv.SERVICE_INSTANCE_ID))
    if not is_uuid7(stream):
        raise ContractError(f"{semconv.SERVICE_INSTANCE_ID} is not a UUIDv7")
    release = _text(attributes, semconv.RELEASE_DIGEST)
    if len(release) != 64 or release.strip("0123456789abcdef"):
        raise ContractError(f"{semconv.RELEASE_DIGEST} is not 64 lower-case hex digits")
    return Origin(stream, bytes.fromhex(release), attributes)


def read_record(span: bytes) -> Record:
    """A producer's span as record; ContractError when it is malformed, or lacks a kind or sequence number."""
    return check_record(decode_span(span))


def check_record(view: SpanView) -> Record:
    """The record that a decoded span is; ContractError when kind or sequence number is missing or malformed."""
    kind = _text(view.attributes, semconv.RECORD_KIND)
    if kind not in _KINDS:
        raise ContractError(f"{semconv.RECORD_KIND} {kind[:64]!r} is not a kind that a producer writes")
    sequence = view.attributes.get(semconv.STREAM_SEQ)
    if not isinstance(sequence, int) or isinstance(sequence, bool) or not 0 <= sequence <= _MAX_SEQUENCE:
        raise ContractError(f"{semconv.STREAM_SEQ} is missing or not an integer from 0")
    if kind in semconv.REQUEST_KINDS:
        if not is_uuid7(view.trace_id):
            raise ContractError(f"the trace id of a {kind} is its request id, a UUIDv7")
        return Record(kind, sequence, view.trace_id, view)
    target = view.attributes.get(semconv.TARGET_ID)
    if target is None:
        return Record(kind, sequence, None, view)
    return Record(kind, sequence, parse_uuid(_text(view.attributes, semconv.TARGET_ID)), view)


def _text(attributes: Mapping[str, AttributeValue], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str):
        raise ContractError(f"{name} is missing or not a string")
    return value


def _any_value(message: bytes) -> AttributeValue | None:
    found: AttributeValue | None = None
    for number, wire_type, value in fields(message):
        if number == 1:
            found = expect_text(number, value)
        elif number == 2:
            found = expect_int(number, wire_type, value, VARINT) != 0
        elif number == 3:
            unsigned = expect_int(number, wire_type, value, VARINT)
            found = unsigned - (1 << 64) if unsigned >> 63 else unsigned
        elif number == 4:
            bits = expect_int(number, wire_type, value, FIXED64)
            (found,) = struct.unpack("<d", bits.to_bytes(8, "little"))
        elif number in (5, 6, 7):
            expect_bytes(number, value)
            found = None
        elif number == 8:  # an index into the string table of a profile: no value outside one
            expect_int(number, wire_type, value, VARINT)
            found = None
    return found
