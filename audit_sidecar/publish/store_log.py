# SPDX-License-Identifier: Apache-2.0
"""A store seen as a C2SP log: the files it stands for, at the size of its newest checkpoint.

Nothing is kept twice: tiles and bundles are cut from the rows whenever they are asked for. The same view is served over
HTTP, exported to a folder and read by fsck.
"""

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.reader import LogUnreadable, MissingFile
from audit_sidecar.stores.store import SignedCheckpoint, StoreReader
from audit_sidecar.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, encode_bundle, entries_path, tile_path
from contracts.leaf import leaf_text


class StoreLog:
    """The files of a store's log. A log is fixed at one checkpoint, so every file of one view fits the others."""

    def __init__(self, reader: StoreReader, checkpoint: SignedCheckpoint | None = None) -> None:
        self._reader = reader
        self._checkpoint = checkpoint or reader.checkpoint()

    @property
    def size(self) -> int:
        """Leaves that the checkpoint covers."""
        return 0 if self._checkpoint is None else self._checkpoint.size

    def checkpoint(self) -> bytes:
        """The newest checkpoint note; LogUnreadable before the first was signed."""
        if self._checkpoint is None:
            raise LogUnreadable("no checkpoint has been signed yet: start the sidecar, it signs within a second")
        return self._checkpoint.note

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The tile of exactly this width; MissingFile when the checkpoint does not cover it."""
        start = index * TILE_WIDTH
        if not 0 < start + width <= self.size >> (TILE_HEIGHT * level):
            raise MissingFile(tile_path(level, index, width))
        if level == 0:
            hashes = self._reader.leaf_hashes(start, start + width)
        else:
            hashes = self._reader.subtrees(TILE_HEIGHT * level, start, start + width)
        # A tile may be cached for ever, so one that lost a row must not pass for whole.
        if len(hashes) != width:
            raise StoreRefused(f"rows of {tile_path(level, index, width)} are missing; run 'countersign audit fsck'")
        return b"".join(hashes)

    def entries(self, index: int, width: int) -> bytes:
        """The entry bundle of exactly this width; MissingFile when the checkpoint does not cover it."""
        start = index * TILE_WIDTH
        if not 0 < start + width <= self.size:
            raise MissingFile(entries_path(index, width))
        return encode_bundle([leaf_text(record.leaf) for record in self._reader.records(start, start + width)])
