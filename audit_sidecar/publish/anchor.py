# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoint, kept where the store is not: what shows at once that a store was set back or rewritten.

The anchor is written before the store learns of the checkpoint, so whatever was shown is in the anchor. A sidecar whose
store does not bear it out never signs. What the anchor cannot show is a log whose anchor was set back together with it.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from audit_sidecar.durable_file import write_durably
from audit_sidecar.errors import Fatal, Pushback, StoreRefused
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import tree_root
from audit_sidecar.tlog.note import MAX_NOTE_BYTES
from contracts.errors import SettingInvalid

_log = logging.getLogger(__name__)
_PATIENCE: Final = 5.0
_NEW_ORIGIN: Final = (
    "Restore the newer copy of the store. If there is none, this log has ended: keep the anchor, it is evidence of it, "
    "and start a new log under a new origin. A sidecar never signs behind its anchor"
)


class Anchor:
    """A folder on another volume; `open_anchor` makes one. Use `Anchoring` on an event loop."""

    def __init__(self, folder: Path, held: bytes | None, size: int) -> None:
        self.path = folder / "checkpoint"
        self.size = size
        """Leaves of the checkpoint that was found; -1 without one."""
        self._held = held

    def keep(self, note: bytes) -> None:
        """Replace the checkpoint; durable on return. Pushback when that cannot be done; Fatal when another wrote it."""
        try:
            found = self.path.read_bytes() if self._held is not None or self.path.exists() else None
            if found != self._held:
                raise Fatal(f"{self.path} is not what this sidecar wrote: another one signs for this log")
            write_durably(self.path, note)
        except OSError as error:
            raise Pushback(f"the anchor {self.path} cannot be written: {error.strerror}") from error
        self._held = note


class Anchoring:
    """Keeps checkpoints in an anchor and never holds up the loop or the writer: a folder that hangs is given up."""

    def __init__(self, anchor: Anchor, patience: float = _PATIENCE) -> None:
        self._anchor = anchor
        self._patience = patience
        self._under_way: asyncio.Task[None] | None = None
        self.holds = True
        """Whether the last attempt succeeded. While it does not, no checkpoint is signed or shown."""

    async def keep(self, note: bytes) -> None:
        """`Anchor.keep` in a thread of its own."""
        try:
            if self._under_way is not None:
                await self._finish(self._under_way)
            self._under_way = asyncio.create_task(asyncio.to_thread(self._anchor.keep, note))
            await self._finish(self._under_way)
        except Pushback as error:
            if self.holds:
                _log.error("not ready, and no checkpoint is signed: %s", error)
            self.holds = False
            raise
        if not self.holds:
            _log.info("the anchor %s takes checkpoints again", self._anchor.path)
        self.holds = True

    async def _finish(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=self._patience)
        if not task.done():
            raise Pushback(f"the anchor {self._anchor.path} does not answer")
        self._under_way = None
        task.result()


def open_anchor(folder: Path, reader: StoreReader, verifiers: Sequence[Verifier]) -> Anchor:
    """The anchor, borne out by the store's leaves. SettingInvalid without a folder; StoreRefused says what happened."""
    if not folder.is_dir():
        raise SettingInvalid(f"the anchor {folder} is no folder: make it on another volume, or mount that volume")
    path = folder / "checkpoint"
    try:
        if not path.exists():
            _log.warning("%s holds no checkpoint yet: what happened to the log before now cannot be told", folder)
            return Anchor(folder, None, -1)
        with path.open("rb") as file:
            note = file.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise SettingInvalid(f"cannot read the anchor {path}: {error.strerror}") from error
    try:
        checkpoint = open_checkpoint(note, verifiers)
    except VerificationError as error:
        raise StoreRefused(
            f"the anchor {path} holds no checkpoint of this key: {error}; name the right folder"
        ) from error
    _require_borne_out(checkpoint, path, reader)
    return Anchor(folder, note, checkpoint.size)


def _require_borne_out(checkpoint: Checkpoint, path: Path, reader: StoreReader) -> None:
    origin, size = reader.origin(), reader.frontier().size
    if checkpoint.origin != origin:
        raise StoreRefused(f"the anchor {path} is of the log {checkpoint.origin!r}, the store of {origin!r}")
    if checkpoint.size > size:
        raise StoreRefused(
            f"the store of {origin!r} holds {size} leaves, but a checkpoint of {checkpoint.size} was signed and is "
            f"kept in {path}: the store is an older copy, or leaves were lost. {_NEW_ORIGIN}"
        )
    if tree_root(checkpoint.size, StoreTree(reader)) != checkpoint.root:
        raise StoreRefused(
            f"the first {checkpoint.size} leaves in the store of {origin!r} are not those that were signed and are "
            f"kept in {path}: history was rewritten, or this is a fork. {_NEW_ORIGIN}"
        )
