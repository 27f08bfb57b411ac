# SPDX-License-Identifier: Apache-2.0
"""Rows of the tables that grow with every record, in the binary form of COPY.

Written out here rather than value by value through the driver, which takes longer than placing a record.
Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import struct
from typing import Final

BEFORE: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
AFTER: Final = b"\xff\xff"
_ABSENT: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct("!i")
_LONG: Final = struct.Struct("!iq")
_SHORT: Final = struct.Struct("!ih")
# index, hash, commitment, kind, month, trace, span, time, stream, seq, and no request id
_OF_STREAM: Final = struct.Struct("!h iq i32s i32s ih ih i16s i8s iq iq iq i".replace(" ", ""))
_KEPT: Final = struct.Struct("!h iq iq id ii ih ih".replace(" ", ""))
_UNSCORED: Final = struct.Struct("!h iq iq i ii ih ih".replace(" ", ""))

LEAF_COLUMNS: Final = "leaf_index, leaf_hash, commitment, kind, month, trace, span, time, stream, seq, about"
KEPT_COLUMNS: Final = "leaf_index, context, score, class, month, dictionary, salt, subject, span"

LeafRow = tuple[int, bytes, bytes, int, int, bytes, bytes, int, int | None, int | None, bytes | None]


def leaf_bytes(row: LeafRow) -> bytes:
    """A row of the table ``leaf``, in the order of `LEAF_COLUMNS`."""
    index, leaf_hash, commitment, kind, month, trace, span, time, stream, seq, about = row
    if stream is not None and seq is not None and about is None and (len(trace), len(span)) == (16, 8):
        return _OF_STREAM.pack(
            11, 8, index, 32, leaf_hash, 32, commitment, 2, kind, 2, month, 16, trace, 8, span, 8, time, 8, stream,
            8, seq, -1,
        )  # fmt: skip
    return b"".join(
        (
            b"\x00\x0b", _LONG.pack(8, index), data_bytes(leaf_hash), data_bytes(commitment), _SHORT.pack(2, kind),
            _SHORT.pack(2, month), data_bytes(trace), data_bytes(span), _LONG.pack(8, time), _number(stream),
            _number(seq), data_bytes(about),
        )
    )  # fmt: skip


def kept_bytes(numbers: tuple[int, int, float | None, int, int, int], data: tuple[bytes, bytes | None, bytes]) -> bytes:
    """A row of the table ``kept``, in the order of `KEPT_COLUMNS`: its numbers, then salt, subject and span."""
    index, context, score, place, month, dictionary = numbers
    if score is None:
        head = _UNSCORED.pack(9, 8, index, 8, context, -1, 4, place, 2, month, 2, dictionary)
    else:
        head = _KEPT.pack(9, 8, index, 8, context, 8, score, 4, place, 2, month, 2, dictionary)
    salt, subject, span = data
    length = _LENGTH.pack
    if subject is None:
        return b"".join((head, length(len(salt)), salt, _ABSENT, length(len(span)), span))
    return b"".join((head, length(len(salt)), salt, length(len(subject)), subject, length(len(span)), span))


def data_bytes(data: bytes | None) -> bytes:
    """A value of bytes, or none."""
    return _ABSENT if data is None else _LENGTH.pack(len(data)) + data


def _number(value: int | None) -> bytes:
    return _ABSENT if value is None else _LONG.pack(8, value)
