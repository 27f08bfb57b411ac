# SPDX-License-Identifier: Apache-2.0
"""An archive in a folder: another volume, or one that is mirrored. A folder cannot lock; whoever owns it can delete."""

import os
from pathlib import Path

from audit_sidecar.archive.destination import ArchiveAway, ArchiveDiffers
from audit_sidecar.durable_file import sync_folder, write_durably
from contracts.errors import SettingInvalid


class FolderArchive:
    """Files below a folder that exists."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SettingInvalid(f"the archive {root} is no folder: make it on another volume, or mount that volume")
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def require_lock(self) -> None:
        """A folder cannot lock; that is said where folders are offered."""

    def put_once(self, path: str, data: bytes, *, lock: bool) -> None:
        """As the Protocol says; a folder cannot lock."""
        del lock
        target = self._root / path
        try:
            if self._same(target, data):
                return
            self._make_folders(target.parent)
            draft = target.with_name(f"{target.name}.{os.getpid()}.writing")
            write_durably(draft, data)
            # A link fails where a name exists, which a rename would silently take over.
            try:
                os.link(draft, target)
            except FileExistsError:
                self._same(target, data)
            finally:
                draft.unlink()
            sync_folder(target.parent)
        except OSError as error:
            raise ArchiveAway(f"the archive {target} cannot be written: {error.strerror}") from error

    def replace(self, path: str, data: bytes) -> None:
        """As the Protocol says."""
        try:
            write_durably(self._root / path, data)
        except OSError as error:
            raise ArchiveAway(f"the archive {self._root / path} cannot be written: {error.strerror}") from error

    def first(self, path: str) -> bytes | None:
        """A folder keeps one version, so this is the newest."""
        return self.newest(path)

    def newest(self, path: str) -> bytes | None:
        """As the Protocol says."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArchiveAway(f"the archive {self._root / path} cannot be read: {error.strerror}") from error

    def names(self, prefix: str, after: str = "") -> list[str]:
        """As the Protocol says."""
        folder = self._root / prefix
        try:
            paths = (str(found.relative_to(self._root)) for found in folder.rglob("*") if found.is_file())
            return sorted(path for path in paths if path > after)
        except OSError as error:
            raise ArchiveAway(f"the archive {folder} cannot be read: {error.strerror}") from error

    def _same(self, target: Path, data: bytes) -> bool:
        if not target.exists():
            return False
        if target.read_bytes() != data:
            raise ArchiveDiffers(
                f"{target} is not what this log has there: keep the archive, it is evidence, and name another place"
            )
        return True

    def _make_folders(self, folder: Path) -> None:
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        for part in reversed(missing):
            part.mkdir(exist_ok=True)
            sync_folder(part.parent)
