# SPDX-License-Identifier: Apache-2.0
"""Keys of the state table: the few items that change, and the index, which the log can be asked to make anew.

Index items only find. They hold no text of a caller: of a subject they have a short digest.
"""

import hashlib
from typing import Any, Final

DIGITS: Final = 20
AT: Final = "at"
STREAMS: Final = "streams"
SEGMENT_BITS: Final = 4
"""Of a subject's digest, which tell the partitions apart in which a segment has its subjects."""
BLOCK_BITS: Final = 10
_DIGEST_BITS: Final = 32
_TIME_SHIFT: Final = 10


def key(pk: str, sk: str = "-") -> dict[str, Any]:
    """An item's key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


LOG: Final = key("log")
INDEXED: Final = key("indexed")
CHECKPOINT: Final = key("checkpoint")
PUBLISHER: Final = key("publisher")
QUEUE: Final = key("queue")


def pad(number: int) -> str:
    """A number whose text sorts as it does, up to 64 bits."""
    return f"{number:0{DIGITS}d}"


def part_of(place: str, part: int) -> str:
    """Where a further part of what does not fit into one item stands, behind the first."""
    return f"{place}#{part:04d}" if part else place


def by_id(id_: bytes) -> str:
    """Every commit with records of this trace, or about this request, and of ids of the same second.

    Request ids begin with a time in milliseconds (UUIDv7), so that those of one commit share a partition or two.
    """
    return f"id#{int.from_bytes(id_[:6]) >> _TIME_SHIFT:010x}"


def spans(trace: bytes) -> str:
    """Every foreign span of this trace."""
    return f"span#{trace.hex()}"


def span(span_id: bytes, index: int | None = None) -> str:
    """One of them: the first with its id, or a later one at this leaf."""
    return span_id.hex() if index is None else f"{span_id.hex()}#{pad(index)}"


def by_subject(digest: int, bits: int) -> str:
    """Every leaf of subjects whose digest, of 32 bits, begins with the same bits."""
    return f"subject#{bits}#{digest >> (_DIGEST_BITS - bits):x}"


def by_model(model: str) -> str:
    """Every commit with leaves of this model."""
    return f"model#{hashlib.sha256(model.encode()).hexdigest()[:32]}"


def by_kind(kind: str) -> str:
    """Every commit with leaves of this kind, but predictions and foreign spans, which are everywhere."""
    return f"kind#{kind}"


def sent(stream: bytes) -> str:
    """Every commit with leaves of this stream."""
    return f"sent#{stream.hex()}"


def gaps(stream: bytes) -> str:
    """Gaps of this stream."""
    return f"gap#{stream.hex()}"


def stream(uuid: bytes) -> str:
    """One stream's state."""
    return f"stream#{uuid.hex()}"


def tiles(level: int, position: int) -> str:
    """Roots of subtrees of a level; a partition holds 65,536 of them."""
    return f"tile#{level}#{position >> 16}"


EVERYWHERE: Final = frozenset({"prediction", "span"})
"""Kinds of which nearly every commit has some, so that an index of them would name every commit."""
