# SPDX-License-Identifier: Apache-2.0
"""How values of a record stand in a row of a database that has signed integers and bytes, and back."""

import hashlib
from typing import Any, Final

from contracts import semconv
from contracts.leaf import Leaf
from contracts.payload import Payload, PayloadContext, payload_bytes

KIND_NUMBER: Final = {kind: number for number, kind in enumerate(semconv.RECORD_KINDS)}
HALF: Final = 1 << 63


def signed(unsigned: int) -> int:
    """A u64 as a signed 64-bit integer, moved down by 2**63 so that the order of times is the order of rows."""
    return unsigned - HALF


def unsigned(value: int) -> int:
    """The inverse of `signed`."""
    return value + HALF


def kind_of(number: int) -> str:
    """A kind's name. A number that no kind has is given as it is: the row then does not give its leaf's hash."""
    return semconv.RECORD_KINDS[number] if 0 <= number < len(semconv.RECORD_KINDS) else f"unknown {number}"


def read_leaf(row: tuple[Any, ...]) -> Leaf:
    """A leaf from commitment, kind, trace, span, time, seq, about, stream and release as rows have them."""
    commitment, number, trace, span_id, time, seq, about, stream, release = row
    kind = kind_of(number)
    return Leaf(
        commitment, kind, span_id, unsigned(time), trace,
        trace if kind in semconv.REQUEST_KINDS else about, release, seq, stream,
    )  # fmt: skip


def is_pseudonym(subject: str) -> bool:
    """Whether a subject is 16 bytes in hex, which rows keep as those bytes; any other text is kept as it is."""
    return len(subject) == 32 and not subject.strip("0123456789abcdef")


def context_digest(context: PayloadContext) -> bytes:
    """Identifies a context: the digest of the payload it gives an empty span."""
    return hashlib.sha256(payload_bytes(Payload(context, b""))).digest()
