# SPDX-License-Identifier: Apache-2.0
"""Write a log as C2SP files: ``checkpoint`` and ``tile/``, nothing else. Whoever has them and the key needs no more."""

from collections.abc import Callable
from pathlib import Path

from audit_sidecar.durable_file import write_durably
from audit_sidecar.errors import StoreRefused
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import Checkpoint, peek_checkpoint
from audit_sidecar.tlog.merkle import tree_root
from audit_sidecar.tlog.tiles import entries_path, required_entries, required_tiles, tile_path

Progress = Callable[[int, int], None]


def export_log(reader: StoreReader, folder: Path, progress: Progress | None = None) -> int:
    """Write the log into ``folder``; the number of leaves. An older export there is brought up to date.

    Tiles and bundles are written first and the checkpoint last, so a folder never claims more than it holds.
    StoreRefused when the folder holds something else, another log, or a log that this one does not extend: what is
    there then shows that leaves were lost or rewritten, and is kept.
    """
    log = StoreLog(reader)
    note = log.checkpoint()
    try:
        held = _held_size(reader, folder, peek_checkpoint(note))
        for bundle in required_entries(log.size, held):
            _write(folder / entries_path(bundle.index, bundle.width), log.entries(bundle.index, bundle.width))
            if progress is not None:
                progress(min(bundle.index * 256 + bundle.width, log.size), log.size)
        for tile in required_tiles(log.size, held):
            path = tile_path(tile.level, tile.index, tile.width)
            _write(folder / path, log.tile(tile.level, tile.index, tile.width))
        _write(folder / "checkpoint", note)
    except OSError as error:
        raise StoreRefused(f"cannot write {error.filename or folder}: {error.strerror}") from error
    return log.size


def _held_size(reader: StoreReader, folder: Path, checkpoint: Checkpoint) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    strangers = {entry.name for entry in folder.iterdir()} - {"checkpoint", "tile"}
    if strangers:
        raise StoreRefused(f"{folder} holds {sorted(strangers)[0]!r}, which is no part of a log; name an empty folder")
    note = folder / "checkpoint"
    if not note.exists():
        return 0
    held = peek_checkpoint(note.read_bytes())
    if held.origin != checkpoint.origin:
        raise StoreRefused(f"{folder} holds the log {held.origin!r}, not {checkpoint.origin!r}; name another folder")
    if held.size > checkpoint.size or tree_root(held.size, StoreTree(reader)) != held.root:
        raise StoreRefused(
            f"the log no longer extends the {held.size} leaves in {folder}: keep that folder, it is evidence of it, "
            f"and run 'countersign audit fsck --against {note}'"
        )
    return held.size


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, data)
