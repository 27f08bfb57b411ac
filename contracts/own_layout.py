# SPDX-License-Identifier: Apache-2.0
"""A short way to read spans of exactly the layout that `contracts.otlp` writes; any other takes the long way.

It only recognises: fields in our order, attributes that `contracts.semconv` names, lengths that fit to the byte. What
it returns is what `contracts.evidence.decode_span` finds by walking every field, and None wherever that walk might
find something else or refuse. Standard library only, as that walk is.
"""

import struct
from typing import Final

from contracts import semconv
from contracts.errors import ContractError
from contracts.otlp import AttributeValue
from contracts.wire import BYTES, bytes_field, read_varint, varint

Found = tuple[bytes, bytes, str, int, int, dict[str, AttributeValue]]
"""Trace id, span id, name, start, end and attributes, as in a ``SpanView``."""

_IDS: Final = struct.Struct("<2s16s2s8sBB")
_TIMES: Final = struct.Struct("<BBBQBQ")
_COME_AGAIN: Final = frozenset(
    {
        semconv.RECORD_KIND, semconv.SUBJECT_KEY_ID, semconv.CALLER, semconv.PREDICTION_LABEL,
        semconv.PREDICTION_THRESHOLD, semconv.ANSWER_STATUS, semconv.BATCH_ID,
    }
)  # fmt: skip
"""Attributes with few values: their bytes are looked up before they are read."""
_MOST_REMEMBERED: Final = 4096
_remembered: dict[bytes, tuple[str, AttributeValue]] = {}
_DOUBLE: Final = struct.Struct("<d")
_LONGEST: Final = 4096
"""Values from this many bytes on take the long way."""
_DOUBLE_HEAD: Final = b"\x12\x09\x21"
_NAMES: Final = {
    bytes_field(1, name.encode()): name
    for constant, name in vars(semconv).items()
    if constant.isupper() and isinstance(name, str) and len(name) < 0x80
}


def _text_head(size: int) -> bytes | None:
    """What a text value of ``size`` bytes in all begins with; None for the few sizes that no encoder gives."""
    for overhead in (4, 5, 6):
        length = size - overhead
        inner = varint(1 << 3 | BYTES) + varint(length) if length >= 0 else b""
        head = varint(2 << 3 | BYTES) + varint(len(inner) + length) + inner if length >= 0 else b""
        if len(head) == overhead:
            return head
    return None


_TEXT_HEADS: Final = tuple(_text_head(size) for size in range(_LONGEST))


def read_own_layout(span: bytes) -> Found | None:
    """The parts of a span in our layout; None for any other, valid or not."""
    try:
        lead, trace, middle, span_id, tag, length = _IDS.unpack_from(span)
        at = _IDS.size + length
        if lead != b"\x0a\x10" or middle != b"\x12\x08" or tag != 0x2A or length >= 0x80:
            return None
        name = span[_IDS.size : at].decode()
        kind_tag, kind, start_tag, start, end_tag, end = _TIMES.unpack_from(span, at)
        if (kind_tag, start_tag, end_tag) != (0x30, 0x39, 0x41) or kind >= 0x80:
            return None
        attributes = _read_attributes(span, at + _TIMES.size)
    except (struct.error, IndexError, UnicodeDecodeError, ContractError):
        return None
    return None if attributes is None else (trace, span_id, name, start, end, attributes)


def _read_attributes(span: bytes, at: int) -> dict[str, AttributeValue] | None:
    found: dict[str, AttributeValue] = {}
    whole = len(span)
    while at < whole:
        if span[at] != 0x4A:
            return None
        length = span[at + 1]
        at += 2
        if length >= 0x80:
            if span[at] >= 0x80:
                return None
            length = length & 0x7F | span[at] << 7
            at += 1
        stop = at + length
        known = _remembered.get(span[at:stop]) or _read_attribute(span, at, stop)
        if known is None or known[0] in found:
            return None
        found[known[0]] = known[1]
        at = stop
    return found if at == whole else None


def _read_attribute(span: bytes, at: int, stop: int) -> tuple[str, AttributeValue] | None:
    key_end = at + 2 + span[at + 1]
    name = _NAMES.get(span[at:key_end])
    value = None if name is None else _read_value(span, key_end, stop)
    if name is None or value is None:
        return None
    if name in _COME_AGAIN and stop <= len(span):
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[span[at:stop]] = (name, value)
    return name, value


def _read_value(span: bytes, at: int, stop: int) -> str | int | float | None:
    size = stop - at
    if not 0 <= size < _LONGEST:
        return None
    head = _TEXT_HEADS[size]
    if head is not None and span.startswith(head, at):
        return span[at + len(head) : stop].decode()
    return _read_number(span, at, stop)


def _read_number(span: bytes, at: int, stop: int) -> int | float | None:
    size = stop - at
    if size == 11 and span.startswith(_DOUBLE_HEAD, at):
        value: float = _DOUBLE.unpack_from(span, at + 3)[0]
        return value
    if size < 4 or span[at] != 0x12 or span[at + 1] != size - 2 or span[at + 2] != 0x18:
        return None
    number, end = read_varint(span, at + 3)
    return number if end == stop and not number >> 63 else None
