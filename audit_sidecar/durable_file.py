# SPDX-License-Identifier: Apache-2.0
"""Replace a file so that whoever reads it, whatever crashes, finds the old one or the new one, never a part."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Write ``path`` whole; contents and name are on disk on return. OSError when they are not."""
    draft = path.with_name(f"{path.name}.writing")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
