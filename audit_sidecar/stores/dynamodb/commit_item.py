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
from contracts.leaf import Leaf, leaf_text

SCHEMA: Final = 1
MOST_BYTES: Final = 350_000
"""Of an item's body: DynamoDB takes 400 KB with names and keys."""


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
        frontier = Frontier.from_bytes(bytes(attributes["stack"]["B"]))
        start, size = int(attributes["start"]["N"]), int(attributes["size"]["N"])
        # The body says its own length, so that a forged one cannot ask for more memory than an item can stand for.
        data = zstandard.ZstdDecompressor().decompress(bytes(attributes["body"]["B"]), max_output_size=1 << 26)
        body = msgspec.msgpack.decode(data, type=_Body)
    except (KeyError, ValueError, Malformed, zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StoreRefused(f"an item of the log table cannot be read: {error}; run 'countersign audit fsck'") from error
    if frontier.size != size or size - start != len(body.leaves):
        raise StoreRefused(f"commit {attributes['n']['N']} says {start} to {size}, and holds {len(body.leaves)} leaves")
    return CommitItem(
        n=int(attributes["n"]["N"]),
        start=start,
        frontier=frontier,
        leaves=body.leaves,
        streams=body.streams,
        gaps=body.gaps,
        subtrees=body.subtrees,
        groups=body.groups,
        kinds=body.kinds,
    )


def write_stream(state: StreamState) -> bytes:
    """A stream's state by itself, for the index."""
    return msgspec.msgpack.encode(state)


def read_stream(data: bytes) -> StreamState:
    """Read what `write_stream` wrote. StoreRefused."""
    try:
        return msgspec.msgpack.decode(data, type=StreamState)
    except msgspec.MsgspecError as error:
        raise StoreRefused(f"a stream of the index cannot be read: {error}") from error
