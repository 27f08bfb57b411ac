# SPDX-License-Identifier: Apache-2.0
"""The right edge of the tile pyramid: the hashes of every partial tile, growing leaf by leaf.

It holds at most 255 hashes a level, and says which full tiles a new leaf completes, so a store keeps only their roots.
"""

from collections.abc import Iterable
from typing import NamedTuple

from audit_sidecar.tlog.merkle import root_of
from audit_sidecar.tlog.tiles import TILE_HEIGHT, TILE_WIDTH


class FullTile(NamedTuple):
    """The root of a full tile: of the perfect tree over ``2**level`` leaves at ``position``; level 8, 16, …"""

    level: int
    position: int
    root: bytes


class TileEdge:
    """Partial tiles of a tree of ``size`` leaves; ``rows[0]`` holds leaf hashes, ``rows[n]`` roots of level 8n."""

    def __init__(self, size: int = 0, rows: Iterable[Iterable[bytes]] = ()) -> None:
        self.size = size
        self.rows = [list(row) for row in rows]

    def append(self, leaf_hash: bytes) -> list[FullTile]:
        """Add one leaf; the full tiles it completes, lowest first."""
        completed: list[FullTile] = []
        self.size += 1
        hash_, row = leaf_hash, 0
        while True:
            if row == len(self.rows):
                self.rows.append([])
            self.rows[row].append(hash_)
            if len(self.rows[row]) < TILE_WIDTH:
                return completed
            hash_ = root_of(self.rows[row])
            self.rows[row].clear()
            row += 1
            level = row * TILE_HEIGHT
            completed.append(FullTile(level, (self.size >> level) - 1, hash_))

    def copy(self) -> "TileEdge":
        """An edge that grows apart from this one."""
        return TileEdge(self.size, self.rows)
