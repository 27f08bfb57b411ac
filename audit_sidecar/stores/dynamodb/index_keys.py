# SPDX-License-Identifier: Apache-2.0
"""Keys of the state table: the few items that change, and the index, which the log can be asked to make anew.

Index items only find. They hold no text of a caller: a subject stands in its partition's name as a digest.
"""

import hashlib
from typing import Any, Final

DIGITS: Final = 20
AT: Final = "at"
STREAMS: Final = "streams"
TRACE: Final = "trace#"


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


def by_trace(trace: bytes) -> str:
    """Every leaf with this trace id."""
    return f"{TRACE}{trace.hex()}"


def ids(span: bytes, seq: int | None) -> str:
    """How the keys of one span and sequence number begin, in the partition of their trace."""
    return f"{span.hex()}#{'-' if seq is None else pad(seq)}#"


def by_request(request_id: bytes) -> str:
    """Every leaf that is about this request, but not its own trace."""
    return f"request#{request_id.hex()}"


def by_subject(subject: str) -> str:
    """Every leaf of this pseudonym."""
    return f"subject#{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


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
