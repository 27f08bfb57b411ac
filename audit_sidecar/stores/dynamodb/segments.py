# SPDX-License-Identifier: Apache-2.0
"""The log in segments of consecutive commits, each of which is indexed as a whole; many segments make a block.

Where a segment ends follows from the commits alone, so that whoever indexes makes the same items. What comes after the
last whole segment is not indexed, and is little enough to be held in memory.
"""

from collections.abc import Iterable
from typing import NamedTuple

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.index_keys import INDEXED, pad
from audit_sidecar.stores.dynamodb.requests import Item, Requests


class Shape(NamedTuple):
    """A segment ends with the commit that fills one of the two; ``block`` is in segments."""

    commits: int = 64
    leaves: int = 1_024
    block: int = 64

    def __str__(self) -> str:
        return "/".join(map(str, self))


SHAPE = Shape()
"""Of every log; the index says which one it was made by."""


class Covered(NamedTuple):
    """How far the index has come: whole segments up to commit ``n``, whole blocks up to commit ``merged``."""

    n: int = 0
    segments: int = 0
    merged: int = 0

    def item(self) -> Item:
        """As it is kept."""
        return {**{name: {"N": str(value)} for name, value in self._asdict().items()}, "shape": {"S": str(SHAPE)}}


class Segment(NamedTuple):
    """Commits in order; ``number`` counts from 0."""

    number: int
    items: tuple[CommitItem, ...]

    @property
    def first(self) -> CommitItem:
        """Its first commit."""
        return self.items[0]

    @property
    def last(self) -> CommitItem:
        """Its last commit."""
        return self.items[-1]

    @property
    def place(self) -> str:
        """The sort key of what is indexed of it."""
        return place(self.first.start, self.first.n)

    @property
    def completes_block(self) -> bool:
        """Whether the block that it belongs to ends with it."""
        return (self.number + 1) % SHAPE.block == 0


def next_segment(number: int, items: Iterable[CommitItem]) -> Segment | None:
    """The segment that begins with the first of these commits, if it is whole; asks for no commit behind it."""
    taken: list[CommitItem] = []
    leaves = 0
    for item in items:
        taken.append(item)
        leaves += len(item.leaves)
        if len(taken) >= SHAPE.commits or leaves >= SHAPE.leaves:
            return Segment(number, tuple(taken))
    return None


def place(start: int, n: int) -> str:
    """Where a segment stands in a partition, by its first leaf and commit."""
    return f"{pad(start)}#{pad(n)}"


def read_place(text: str) -> tuple[int, int]:
    """First leaf and commit. StoreRefused."""
    start, n, *_ = [*text.split("#"), ""]
    if not (start.isdecimal() and n.isdecimal()):
        raise StoreRefused(f"the index item {text} is of no segment; run 'countersign audit fsck'")
    return int(start), int(n)


def covered(requests: Requests) -> Covered:
    """How far the index has come, as the last acknowledged write left it. StoreRefused when it is of another shape."""
    held = requests.get(requests.location.state, INDEXED)
    if held is None:
        return Covered()
    if held.get("shape", {}).get("S") != str(SHAPE):
        raise StoreRefused(
            f"the index in {requests.location.state} is of another layout; delete its item 'indexed' and those whose "
            "pk has a '#' or is 'at' or 'streams', and it is made anew"
        )
    return Covered(*(int(held[name]["N"]) for name in Covered._fields))
