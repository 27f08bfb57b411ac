# SPDX-License-Identifier: Apache-2.0
"""Read a log from its archive, as fsck does: immutable files as they were first written, whatever was put over them."""

from audit_sidecar.archive.destination import ArchiveAway, Destination
from audit_sidecar.archive.layout import CHECKPOINT
from audit_sidecar.fsck.reader import LogUnreadable, MissingFile
from audit_sidecar.tlog.tiles import entries_path, tile_path


class ArchiveLog:
    """The log that lies in a destination."""

    def __init__(self, archive: Destination) -> None:
        self._archive = archive

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint note; without one there is no log."""
        try:
            note = self._archive.newest(CHECKPOINT)
        except ArchiveAway as error:
            raise LogUnreadable(str(error)) from error
        if note is None:
            raise LogUnreadable(f"there is no log at {self._archive}: it has no 'checkpoint'")
        return note

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the tile of exactly this width."""
        return self._first(tile_path(level, index, width))

    def entries(self, index: int, width: int) -> bytes:
        """Return the entry bundle of exactly this width."""
        return self._first(entries_path(index, width))

    def _first(self, path: str) -> bytes:
        try:
            data = self._archive.first(path)
        except ArchiveAway as error:
            raise LogUnreadable(str(error)) from error
        if data is None:
            raise MissingFile(path)
        return data
