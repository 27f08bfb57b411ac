# SPDX-License-Identifier: Apache-2.0
"""Hashes of perfect subtrees from what a store keeps: leaf hashes, and the roots of full tiles."""

from audit_sidecar.stores.store import StoreReader
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.merkle import root_of
from audit_sidecar.tlog.tiles import TILE_HEIGHT


class StoreTree:
    """`merkle.Subtree` over a store. Reads at most one tile per hash, and each tile row once."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Root of the perfect tree over leaves ``index << level`` to ``(index + 1) << level``."""
        stored = level // TILE_HEIGHT * TILE_HEIGHT
        width = 1 << (level - stored)
        # The 256 hashes of a tile row answer for every subtree inside that tile.
        tile, start = divmod(index * width, 1 << TILE_HEIGHT)
        row = self._row(stored, tile)[start : start + width]
        if len(row) != width:
            raise Malformed(f"hashes of level {stored} from {index * width} on are missing")
        return root_of(row)

    def _row(self, level: int, tile: int) -> list[bytes]:
        if (level, tile) not in self._rows:
            start, stop = tile << TILE_HEIGHT, (tile + 1) << TILE_HEIGHT
            read = self._reader.leaf_hashes(start, stop) if level == 0 else self._reader.subtrees(level, start, stop)
            self._rows[level, tile] = read
        return self._rows[level, tile]
