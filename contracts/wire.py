# SPDX-License-Identifier: Apache-2.0
"""Protobuf wire format, as much as OTLP needs: write fields, walk fields, cut a field's bytes out unchanged.

Standard library only, so that whoever verifies a receipt needs no protobuf runtime. Evidence is what was sent, hence
nothing here ever re-encodes a message: parts are cut from the wire. Reference: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from typing import Final

from contracts.errors import ContractError

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5


_SHORT: Final = 2048
"""Varints below this, which almost all lengths are, are looked up."""


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_VARINTS: Final = tuple(_encode_varint(value) for value in range(_SHORT))


def varint(value: int) -> bytes:
    """Base-128 varint of an unsigned value below 2**64."""
    if 0 <= value < _SHORT:
        return _VARINTS[value]
    return _encode_varint(value)


def bytes_field(number: int, data: bytes) -> bytes:
    """One length-delimited field: string, bytes or message."""
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def varint_field(number: int, value: int) -> bytes:
    """One varint field; a negative int64 is written as its two's complement, as protobuf does."""
    return varint(number << 3 | VARINT) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def fixed64_field(number: int, value: int) -> bytes:
    """One fixed64 field, little-endian."""
    return varint(number << 3 | FIXED64) + value.to_bytes(8, "little")


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The varint at ``position`` and the position after it; ContractError when truncated or over 64 bits."""
    result = shift = 0
    try:
        if data[position] < 0x80:
            return data[position], position + 1
        while True:
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise ContractError("a varint is longer than ten bytes")
    except IndexError:
        raise ContractError("the message ends inside a varint") from None
    if result > 0xFFFF_FFFF_FFFF_FFFF:
        raise ContractError("a varint exceeds 64 bits")
    return result, position


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Walk a message: (field number, wire type, value) in order; integers for varint and fixed, bytes otherwise.

    Raises ContractError for anything truncated, for field number 0 and for the obsolete group wire types.
    """
    position, end = 0, len(data)
    while position < end:
        number, wire_type, value, position = read_field(data, position)
        yield number, wire_type, value


def read_field(data: bytes, position: int) -> tuple[int, int, int | bytes, int]:
    """The field that begins at ``position``, as `fields` gives it, and the position after it."""
    # Keys and lengths mostly fit one byte, and then need no call: this is where decoding spends its time.
    key = data[position]
    key, position = (key, position + 1) if key < 0x80 else read_varint(data, position)
    number, wire_type = key >> 3, key & 7
    if not 0 < number < 1 << 29:
        raise ContractError(f"field number {number} is out of range")
    if wire_type == BYTES:
        length = data[position] if position < len(data) else 0x80
        length, position = (length, position + 1) if length < 0x80 else read_varint(data, position)
        value = data[position : position + length]
        if len(value) != length:
            raise ContractError(f"field {number} ends {length - len(value)} bytes early")
        return number, wire_type, value, position + length
    if wire_type == VARINT:
        return number, wire_type, *read_varint(data, position)
    if wire_type not in (FIXED64, FIXED32):
        raise ContractError(f"field {number} has wire type {wire_type}, which OTLP does not use")
    width = 8 if wire_type == FIXED64 else 4
    if position + width > len(data):
        raise ContractError(f"field {number} ends early")
    return number, wire_type, int.from_bytes(data[position : position + width], "little"), position + width


def expect_bytes(number: int, value: int | bytes) -> bytes:
    """``value`` as bytes; ContractError when the field has another wire type than its definition."""
    if isinstance(value, int):
        raise ContractError(f"field {number} has the wrong wire type")
    return value


def expect_int(number: int, wire_type: int, value: int | bytes, defined: int) -> int:
    """``value`` as integer; ContractError when the field has another wire type than it is ``defined`` with.

    Other decoders skip such a field as unknown, so reading it would tell a reader of ours something else than theirs.
    """
    if wire_type != defined or not isinstance(value, int):
        raise ContractError(f"field {number} has the wrong wire type")
    return value


def expect_text(number: int, value: int | bytes) -> str:
    """``value`` as UTF-8 text; ContractError when it is not."""
    try:
        return expect_bytes(number, value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(f"field {number} is not UTF-8") from error
