# SPDX-License-Identifier: Apache-2.0
"""Where an anchor lies: in a folder of its own as ``checkpoint``, or in the archive beside it, as ``anchor``.

The archive's own ``checkpoint`` says which files are there, so it cannot run ahead of them as an anchor has to.
"""

from pathlib import Path
from typing import Final, NamedTuple

from audit_sidecar.archive.destination import Destination
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.archive.layout import CHECKPOINT
from audit_sidecar.archive.location import open_archive
from contracts.errors import SettingInvalid

ANCHOR: Final = "anchor"


class AnchorPlace(NamedTuple):
    """A destination, and the name of the file in it."""

    destination: Destination
    name: str

    def __str__(self) -> str:
        """What people are told."""
        return f"{self.destination}/{self.name}"


def anchor_place(location: str, archive: str | None = None) -> AnchorPlace:
    """The place of an ``--anchor``; ``archive`` is that of the same sidecar. SettingInvalid for what is no place."""
    if "://" in location:
        return AnchorPlace(open_archive(location), ANCHOR)
    folder = Path(location)
    if not folder.is_dir():
        raise SettingInvalid(f"the anchor {folder} is no folder: make it on another volume, or mount that volume")
    is_archive = (folder / "tile").exists() or (
        archive is not None and "://" not in archive and Path(archive).resolve() == folder.resolve()
    )
    return AnchorPlace(FolderArchive(folder), ANCHOR if is_archive else CHECKPOINT)
