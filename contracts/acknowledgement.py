# SPDX-License-Identifier: Apache-2.0
"""What an acknowledged producer learns: the log and, per span, leaf index and leaf hash.

It travels in an ``ExportTraceServiceResponse`` as extra field 1000, which stock OTLP clients skip.
"""

import struct
from typing import Final, NamedTuple

from contracts.errors import ContractError
from contracts.wire import bytes_field, expect_bytes, fields

_FIELD: Final = 1000
_ENTRY: Final = struct.Struct(">Q32s")


class Position(NamedTuple):
    """Where a record stands in the log."""

    leaf_index: int
    leaf_hash: bytes


class Acknowledgement(NamedTuple):
    """Durable: the log's origin and one position per span, in request order."""

    log: str
    positions: tuple[Position, ...]


def encode_acknowledgement(acknowledgement: Acknowledgement) -> bytes:
    """The ``ExportTraceServiceResponse`` that carries it."""
    origin = acknowledgement.log.encode()
    body = bytes((len(origin),)) + origin
    body += b"".join([_ENTRY.pack(*position) for position in acknowledgement.positions])
    return bytes_field(_FIELD, body)


def decode_acknowledgement(response: bytes) -> Acknowledgement:
    """Read it; ContractError when the field is missing or malformed."""
    for number, _, value in fields(response):
        if number == _FIELD:
            return _decode_body(expect_bytes(number, value))
    raise ContractError("the response carries no acknowledgement: is the receiver an audit sidecar?")


def read_acknowledgement(response: bytes, count: int) -> Acknowledgement:
    """That of an export of ``count`` records; ContractError also when it is of another number of them."""
    found = decode_acknowledgement(response)
    if len(found.positions) != count:
        raise ContractError(f"it is of {len(found.positions)} of {count} records")
    return found


def _decode_body(body: bytes) -> Acknowledgement:
    start = 1 + (body[0] if body else 0)
    entries = body[start:]
    if len(body) < start or len(entries) % _ENTRY.size:
        raise ContractError("the acknowledgement is cut short")
    try:
        origin = body[1:start].decode()
    except UnicodeDecodeError as error:
        raise ContractError("the acknowledgement's log origin is not UTF-8") from error
    return Acknowledgement(origin, tuple(map(Position._make, _ENTRY.iter_unpack(entries))))
