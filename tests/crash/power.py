# SPDX-License-Identifier: Apache-2.0
"""A disk that can lose power: an SQLite VFS that tells bytes a sync has made durable from those only hoped for.

What programs read is the page cache, here the real files. Beside it stands what the platter holds. A power cut gives an
image of the disk: everything synced, and of the rest each 512-byte sector kept or dropped as the seed decides, so that
writes are lost, reordered and torn. A sync can be made to fail as on Linux: the error is told once, the pages are then
thought clean, later syncs succeed without writing them, and only reads still see them.
"""

import copy
import errno
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import apsw

from audit_sidecar.stores.sqlite import page_cache

SECTOR = 512


@dataclass
class _Write:
    """Bytes on their way to the platter."""

    offset: int
    data: bytes

    def sectors(self) -> Iterator["_Write"]:
        """The parts that reach the platter each for itself."""
        start, end = self.offset, self.offset + len(self.data)
        while start < end:
            stop = min((start // SECTOR + 1) * SECTOR, end)
            yield _Write(start, self.data[start - self.offset : stop - self.offset])
            start = stop


@dataclass
class _Platter:
    """One file: what is durable, and writes and truncations (an int) that no sync has covered yet."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[_Write | int] = field(default_factory=list)

    def apply(self, change: _Write | int) -> None:
        if isinstance(change, int):
            del self.durable[change:]
            return
        end = change.offset + len(change.data)
        if len(self.durable) < end:
            self.durable.extend(bytes(end - len(self.durable)))
        self.durable[change.offset : end] = change.data

    def sync(self) -> None:
        for change in self.pending:
            self.apply(change)
        self.pending.clear()

    def after_cut(self, dice: random.Random) -> bytes:
        found = _Platter(bytearray(self.durable))
        # Some cuts lose nearly everything that is not synced, some nearly nothing, most something.
        odds = dice.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for change in self.pending:
            for part in [change] if isinstance(change, int) else change.sectors():
                if dice.random() < odds:
                    found.apply(part)
        return bytes(found.durable)


class Disk:
    """Every file of one VFS. ``cut_at`` counts writes, truncations, syncs and deletions; ``fail_sync`` counts syncs."""

    def __init__(self, seed: int, cut_at: int | None = None, fail_sync: int | None = None) -> None:
        self.operations = 0
        self.syncs = 0
        self.failed = False
        """Whether the sync that was to fail has failed."""
        self.image: dict[str, bytes] | None = None
        """What the platter held when the power was cut, by file name; None before."""
        self._dice = random.Random(seed)
        self._cut_at = cut_at
        self._fail_sync = fail_sync
        self._files: dict[str, _Platter] = {}

    def opened(self, name: str) -> _Platter:
        """The platter of a file; one that was there before counts as durable."""
        path = Path(name)
        if name not in self._files:
            self._files[name] = _Platter(bytearray(path.read_bytes()) if path.exists() else bytearray())
        return self._files[name]

    def changed(self, platter: _Platter, change: _Write | int) -> None:
        """A write or truncation went into the page cache."""
        platter.pending.append(change)
        self._step()

    def synced(self, platter: _Platter) -> None:
        """A sync of one file; raises when it is the one that fails."""
        self.syncs += 1
        if self.syncs == self._fail_sync:
            platter.pending.clear()
            self.failed = True
            raise apsw.IOError("the disk could not write what it was to sync")
        platter.sync()
        self._step()

    def deleted(self, name: str) -> None:
        """A file is gone; its name too, for SQLite syncs the folder when it matters."""
        self._files.pop(name, None)
        self._step()

    def moved(self, old: Path, new: Path, seed: int = 0, cut_at: int | None = None) -> "Disk":
        """The same platters under another folder, to which the page cache is copied: a process ended, not the machine.

        What only the cache holds is still read there. ``cut_at`` counts from now.
        """
        shutil.copytree(old, new, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        disk = Disk(seed, cut_at)
        disk._files = {
            str(new / Path(name).name): copy.deepcopy(platter)
            for name, platter in self._files.items()
            if Path(name).parent == old and not name.endswith("-shm")
        }
        return disk

    def cut(self) -> None:
        """Cut the power now, unless it is off already."""
        if self.image is None:
            self.image = {name: platter.after_cut(self._dice) for name, platter in self._files.items()}

    def _step(self) -> None:
        self.operations += 1
        if self.operations == self._cut_at:
            self.cut()

    def write_image(self, folder: Path) -> None:
        """Put the image into a folder, as the machine finds it when the power is back."""
        assert self.image is not None, "the power was never cut"
        folder.mkdir()
        for name, data in self.image.items():
            # The index of the write-ahead log is shared memory: it is never read back after a cut.
            if not name.endswith("-shm"):
                (folder / Path(name).name).write_bytes(data)


class _File(apsw.VFSFile):
    def __init__(self, name: "str | apsw.URIFilename", flags: list[int], disk: Disk) -> None:
        text = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        self._platter = disk.opened(text)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.changed(self._platter, _Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.changed(self._platter, newsize)

    def xSync(self, flags: int) -> None:
        # The real file need not be synced: what a cut leaves is told from the platter.
        self._disk.synced(self._platter)


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: Disk) -> None:
        self._disk = disk
        super().__init__(name, "unix", makedefault=True)

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        if name is None:  # a nameless temporary file is gone after a cut anyway
            return apsw.VFSFile("unix", name, flags)
        return _File(name, flags, self._disk)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._disk.deleted(filename)


class _Os:
    """The `os` of the one module that writes to a store's files without SQLite."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _platter(self, descriptor: int) -> _Platter:
        return self._disk.opened(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        written = os.pwrite(descriptor, data, offset)
        self._disk.changed(self._platter(descriptor), _Write(offset, data[:written]))
        return written

    def fsync(self, descriptor: int) -> None:
        try:
            self._disk.synced(self._platter(descriptor))
        except apsw.IOError as error:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


@contextmanager
def powered(disk: Disk) -> Iterator[Disk]:
    """While the block runs, every SQLite file that is opened stands on this disk."""
    vfs = _Vfs(f"power-{id(disk)}", disk)
    try:
        with patch.object(page_cache, "os", _Os(disk)):
            yield disk
    finally:
        vfs.unregister()
