# SPDX-License-Identifier: Apache-2.0
"""Read a C2SP log from a folder. Nothing is written and no file outside the log's own paths is opened."""

from pathlib import Path

from audit_sidecar.fsck.reader import MAX_FILE_BYTES, LogUnreadable, MissingFile
from audit_sidecar.tlog.tiles import entries_path, tile_path


class FolderLog:
    """The log whose ``checkpoint`` and ``tile/`` lie in this folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def checkpoint(self) -> bytes:
        """Return the checkpoint note; without one the folder is no log."""
        try:
            return self._read("checkpoint")
        except MissingFile as error:
            raise LogUnreadable(f"{self._root} holds no log: there is no file 'checkpoint'") from error

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the tile of exactly this width."""
        return self._read(tile_path(level, index, width))

    def entries(self, index: int, width: int) -> bytes:
        """Return the entry bundle of exactly this width."""
        return self._read(entries_path(index, width))

    def _read(self, path: str) -> bytes:
        try:
            with (self._root / path).open("rb") as file:
                return file.read(MAX_FILE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFile(path) from error
        except OSError as error:
            raise LogUnreadable(f"cannot read {self._root / path}: {error.strerror}") from error
