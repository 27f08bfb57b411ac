# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoint, kept where the store is not: what shows at once that a store was set back or rewritten.

The anchor is written before the store learns of the checkpoint, so whatever was shown is in the anchor. A sidecar whose
store does not bear it out never signs. What the anchor cannot show is a log whose anchor was set back together with it.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from audit_sidecar.archive.anchor_place import ANCHOR, AnchorPlace
from audit_sidecar.archive.archiver import newest_checkpoint
from audit_sidecar.errors import Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.publish.new_log import what_to_do
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, peek_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import tree_root

_log = logging.getLogger(__name__)
_PATIENCE: Final = 5.0


class Anchor:
    """A checkpoint at a place; `open_anchor` makes one. Use `Anchoring` on an event loop.

    Where one sidecar alone signs, whatever it did not write is another one's. Where several share the log, what another
    wrote is taken over if the log bears it out, and is never replaced by less. Two that hold the lease for a moment at
    once may leave the smaller of two checkpoints of one log there; the next one, a second later, mends that.
    """

    def __init__(self, place: AnchorPlace, reader: StoreReader, verifiers: Sequence[Verifier], shared: bool) -> None:
        self._place = place
        self._reader = reader
        self._verifiers = verifiers
        self._shared = shared
        self._held: bytes | None = None
        self.size = -1
        """Leaves of the checkpoint that was found; -1 without one."""

    def __str__(self) -> str:
        return str(self._place)

    def load(self) -> None:
        """Read what lies there, in an archive also what it kept. StoreRefused when the store does not bear it out."""
        self._held = self._place.destination.newest(self._place.name)
        if self._place.name == ANCHOR:
            archived = newest_checkpoint(self._place.destination, self._verifiers)
            if archived is not None:
                _require_borne_out(archived, self._place, self._reader)
                self.size = archived.size
        if self._held is None and self.size < 0:
            _log.warning(
                "%s holds no checkpoint yet: what happened to the log before now cannot be told",
                self._place.destination,
            )
        elif self._held is not None:
            self.size = max(self.size, self._borne_out(self._held).size)

    def keep(self, note: bytes) -> None:
        """Replace the checkpoint; durable on return.

        Pushback when that cannot be done; HeadMoved when another sidecar of this log came further; Fatal when what lies
        there is none of this log.
        """
        found = self._place.destination.newest(self._place.name)
        if found != self._held:
            self._take_over(found, peek_checkpoint(note).size)
        self._place.destination.replace(self._place.name, note)
        self._held = note

    def _take_over(self, found: bytes | None, size: int) -> None:
        if found is None:
            raise Pushback(f"the anchor {self} cannot be written: what was kept there is gone; mount that volume again")
        if not self._shared:
            raise Fatal(f"{self} is not what this sidecar wrote: another one signs for this log")
        try:
            checkpoint = self._borne_out(found)
        except StoreRefused as error:
            raise Fatal(f"another one signs for this log: {error}") from error
        if checkpoint.size > size:
            raise HeadMoved(f"{self} holds a checkpoint of {checkpoint.size} leaves, which is more than {size}")

    def _borne_out(self, note: bytes) -> Checkpoint:
        try:
            checkpoint = open_checkpoint(note, self._verifiers)
        except VerificationError as error:
            raise StoreRefused(
                f"the anchor {self} holds no checkpoint of this key: {error}; name the right folder"
            ) from error
        _require_borne_out(checkpoint, self._place, self._reader)
        return checkpoint


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
            _log.info("the anchor %s takes checkpoints again", self._anchor)
        self.holds = True

    async def _finish(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=self._patience)
        if not task.done():
            raise Pushback(f"the anchor {self._anchor} does not answer")
        self._under_way = None
        task.result()


def open_anchor(place: AnchorPlace, reader: StoreReader, verifiers: Sequence[Verifier], shared: bool = False) -> Anchor:
    """The anchor, borne out by the store's leaves. Pushback when it cannot be read; StoreRefused says what happened.

    ``shared`` says that several sidecars append to the store, and sign for it in turn.
    """
    anchor = Anchor(place, reader, verifiers, shared)
    anchor.load()
    return anchor


def _require_borne_out(checkpoint: Checkpoint, place: AnchorPlace, reader: StoreReader) -> None:
    origin, size = reader.origin(), reader.frontier().size
    if checkpoint.origin != origin:
        raise StoreRefused(f"the anchor {place} is of the log {checkpoint.origin!r}, the store of {origin!r}")
    if checkpoint.size > size:
        raise StoreRefused(
            f"the store of {origin!r} holds {size} leaves, but a checkpoint of {checkpoint.size} was signed and is "
            f"kept in {place}: the store is an older copy, or leaves were lost. {what_to_do(str(place.destination))}"
        )
    if tree_root(checkpoint.size, StoreTree(reader)) != checkpoint.root:
        raise StoreRefused(
            f"the first {checkpoint.size} leaves in the store of {origin!r} are not those that were signed and are "
            f"kept in {place}: history was rewritten, or this is a fork. {what_to_do(str(place.destination))}"
        )
