# SPDX-License-Identifier: Apache-2.0
"""One commit as an item of the log table: which leaves, which streams moved, where the payloads are, and the new edge.

Leaf texts are not kept: each is rebuilt from its fields. What can be erased is not in here: payloads, salts and what
records are found by lie in the payload table.
"""

from typing import Any, Final, NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.store import Gap, StreamState, Subtree
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.merkle import Frontier, leaf_hash
from contracts import semconv
from contracts.leaf import Leaf, leaf_text

SCHEMA: Final = 1
MOST_BYTES: Final = 350_000
"""Of an item's body: DynamoDB takes 400 KB with names and keys."""
_MOST_INFLATED: Final = 1 << 26
_FSCK: Final = "run 'countersign audit fsck'"
_LENGTHS: Final = {"commitment": 32, "span": 8, "trace": 16, "id": 16, "release": 32, "stream": 16}


class Group(Struct, frozen=True, array_like=True):
    """Payloads of ``count`` leaves that lie together: the parts of one blob, by their keys in the payload table."""

    count: int
    parts: tuple[str, ...]


class _Body(Struct, frozen=True, array_like=True):
    leaves: tuple[Leaf, ...]
    streams: tuple[StreamState, ...]
    gaps: tuple[Gap, ...]
    subtrees: tuple[Subtree, ...]
    groups: tuple[Group, ...]
    kinds: dict[str, int]


class CommitItem(NamedTuple):
    """A commit as read. ``n`` counts commits from 1; 0 is the log's beginning, without leaves."""

    n: int
    start: int
    frontier: Frontier
    leaves: tuple[Leaf, ...]
    streams: tuple[StreamState, ...]
    gaps: tuple[Gap, ...]
    subtrees: tuple[Subtree, ...]
    groups: tuple[Group, ...]
    kinds: dict[str, int]
    """Leaves of the whole log up to here, by kind."""
    by: bytes = b""
    """Which sidecar made it, by a name of its own choosing; sidecars take turns by it, and nothing else asks."""

    @property
    def size(self) -> int:
        """Leaves of the log after this commit."""
        return self.frontier.size

    def leaf_hashes(self) -> list[bytes]:
        """Of its leaves, in order."""
        return [leaf_hash(leaf_text(leaf)) for leaf in self.leaves]


def write_item(origin: str, item: CommitItem) -> dict[str, Any]:
    """The item's attributes."""
    body = _Body(item.leaves, item.streams, item.gaps, item.subtrees, item.groups, item.kinds)
    return {
        "log": {"S": origin},
        "n": {"N": str(item.n)},
        "schema": {"N": str(SCHEMA)},
        "start": {"N": str(item.start)},
        "size": {"N": str(item.size)},
        "stack": {"B": item.frontier.to_bytes()},
        "by": {"B": item.by},
        "body": {"B": zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(body))},
    }


def body_size(attributes: dict[str, Any]) -> int:
    """Bytes of the part that grows with the commit."""
    return len(attributes["body"]["B"])


def read_item(attributes: dict[str, Any]) -> CommitItem:
    """Read what `write_item` wrote. StoreRefused for anything else."""
    try:
        if attributes["schema"]["N"] != str(SCHEMA):
            raise StoreRefused(f"the log is of schema {attributes['schema']['N']}, this program of {SCHEMA}")
        n, start, size = (int(attributes[name]["N"]) for name in ("n", "start", "size"))
        frontier, by = Frontier.from_bytes(bytes(attributes["stack"]["B"])), bytes(attributes["by"]["B"])
        body = msgspec.msgpack.decode(inflated(bytes(attributes["body"]["B"]), _MOST_INFLATED), type=_Body)
        for leaf in body.leaves:
            _require_shape(leaf)
    except (KeyError, TypeError, ValueError, Malformed, zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StoreRefused(f"commit {_told(attributes)} of the log table cannot be read: {error}; {_FSCK}") from error
    if frontier.size != size or {size - start, sum(group.count for group in body.groups)} != {len(body.leaves)}:
        raise StoreRefused(f"commit {n} says {start} to {size}, and holds {len(body.leaves)} leaves; {_FSCK}")
    return CommitItem(
        n, start, frontier, body.leaves, body.streams, body.gaps, body.subtrees, body.groups, body.kinds, by
    )


def inflated(data: bytes, most: int) -> bytes:
    """Decompress; ZstdError when it is damaged, or when it says that it stands for more than ``most`` bytes."""
    # What a frame says of its own length is allocated before a byte of it is read.
    if not 0 <= zstandard.frame_content_size(data) <= most:
        raise zstandard.ZstdError("its length is none that is ever written")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=most)


def _require_shape(leaf: Leaf) -> None:
    if leaf.kind not in semconv.RECORD_KINDS or not 0 <= leaf.time < 1 << 64 or not 0 <= (leaf.seq or 0) < 1 << 63:
        raise ValueError("it has a leaf of no kind, time or number that there is")
    for name, length in _LENGTHS.items():
        value = getattr(leaf, name)
        if value is not None and len(value) != length:
            raise ValueError(f"the {name} of a leaf has {len(value)} bytes")


def _told(attributes: dict[str, Any]) -> str:
    return str(attributes.get("n", {}).get("N", "without a number"))


def write_stream(state: StreamState) -> bytes:
    """A stream's state by itself, for the index."""
    return msgspec.msgpack.encode(state)


def read_stream(data: bytes) -> StreamState:
    """Read what `write_stream` wrote. StoreRefused."""
    try:
        return msgspec.msgpack.decode(data, type=StreamState)
    except msgspec.MsgspecError as error:
        raise StoreRefused(f"a stream of the index cannot be read: {error}") from error
