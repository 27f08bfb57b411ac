# SPDX-License-Identifier: Apache-2.0
"""Bring an archive up to the newest checkpoint: what is final is locked, what is in progress is put, nothing is lost.

Full tiles and full bundles never change again and are locked. The partial ones of the newest checkpoint are written
beside them, so that a reader can verify every entry from the archive alone; then a copy of the checkpoint that is kept
for good; ``checkpoint`` comes last, so that an archive never claims more than it holds. A round that breaks off is
begun again where the archive says it stopped. No payload is ever written.
"""

from collections.abc import Sequence
from typing import NamedTuple

from audit_sidecar.archive.destination import ArchiveDiffers, Destination
from audit_sidecar.archive.layout import CHECKPOINT, KEPT, kept_path, kept_size
from audit_sidecar.publish.new_log import what_to_do
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.stores.signed import require_signed
from audit_sidecar.stores.store import SignedCheckpoint, StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, peek_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import tree_root
from audit_sidecar.tlog.tiles import TILE_WIDTH, entries_path, required_entries, required_tiles, tile_path


class Round(NamedTuple):
    """What one round did: leaves that the archive held before, and holds now."""

    before: int
    size: int


class Archiver:
    """Writes one log into one destination. Use from one thread; several sidecars may archive the same log."""

    def __init__(self, reader: StoreReader, destination: Destination, verifiers: Sequence[Verifier]) -> None:
        self._reader = reader
        self._destination = destination
        self._verifiers = verifiers
        self._held: int | None = None

    def catch_up(self) -> Round:
        """Archive everything that the newest checkpoint covers.

        ArchiveAway when the destination cannot be reached. ArchiveDiffers when it holds what this log does not bear
        out: nothing is overwritten then, for what lies there is evidence. StoreRefused for a checkpoint of other keys.
        """
        signed = self._reader.checkpoint()
        held = self._held if self._held is not None else self.held()
        if signed is None or signed.size == held:
            self._held = held
            return Round(held, held)
        if signed.size < held:
            # Another sidecar archived a later checkpoint than this reader saw.
            return Round(held, held)
        # Before a byte is written: what is locked by a checkpoint that was planted would stand for years.
        require_extends(self._reader, require_signed(signed, self._verifiers), "its newest checkpoint")
        self._put_files(signed, held)
        self._keep(signed)
        self._destination.replace(CHECKPOINT, signed.note)
        self._held = signed.size
        return Round(held, signed.size)

    def held(self) -> int:
        """Leaves that the archive holds by its newest checkpoint, borne out by the store; 0 for an empty one."""
        shown, kept = _known(self._destination, self._verifiers)
        for checkpoint in (kept, shown):  # the larger one first: it says most about what happened
            if checkpoint is not None:
                require_extends(self._reader, checkpoint, str(self._destination))
        # The kept copy is written before `checkpoint`: a round that broke off between them is begun again, and so is a
        # place where a `checkpoint` lies and none was kept, for the archiver did not write it.
        return 0 if shown is None or kept is None else min(kept.size, shown.size)

    def _keep(self, signed: SignedCheckpoint) -> None:
        path = kept_path(signed.size)
        try:
            self._destination.put_once(path, signed.note, lock=True)
        except ArchiveDiffers:
            # Witnesses' lines may have come since a round that broke off, or another sidecar's: what counts is signed.
            held = self._destination.first(path)
            if held is None or _opened(self._destination, path, held, self._verifiers) != peek_checkpoint(signed.note):
                raise

    def _put_files(self, signed: SignedCheckpoint, held: int) -> None:
        log = StoreLog(self._reader, signed)
        put = self._destination.put_once
        for bundle in required_entries(signed.size, held):
            data = log.entries(bundle.index, bundle.width)
            put(entries_path(bundle.index, bundle.width), data, lock=bundle.width == TILE_WIDTH)
        for tile in required_tiles(signed.size, held):
            data = log.tile(tile.level, tile.index, tile.width)
            put(tile_path(tile.level, tile.index, tile.width), data, lock=tile.width == TILE_WIDTH)


def newest_checkpoint(destination: Destination, verifiers: Sequence[Verifier]) -> Checkpoint | None:
    """The checkpoint of the largest size that the archive holds; None for an empty one.

    Kept copies count as they were first written, whatever was put over them since. ArchiveDiffers when one does not
    open with the log's keys.
    """
    found = [checkpoint for checkpoint in _known(destination, verifiers) if checkpoint is not None]
    return max(found, key=lambda checkpoint: checkpoint.size, default=None)


def _known(destination: Destination, verifiers: Sequence[Verifier]) -> tuple[Checkpoint | None, Checkpoint | None]:
    """The checkpoint that the archive shows, and the largest that it kept for good, none below the one shown."""
    note = destination.newest(CHECKPOINT)
    shown = None if note is None else _opened(destination, CHECKPOINT, note, verifiers)
    # There are thousands of them after some days; what is shown was signed, so smaller ones say nothing more.
    after = "" if shown is None or shown.size == 0 else kept_path(shown.size - 1)
    kept = [path for path in destination.names(KEPT, after) if kept_size(path) is not None]
    note = destination.first(kept[-1]) if kept else None
    return shown, None if note is None else _opened(destination, kept[-1], note, verifiers)


def require_extends(reader: StoreReader, checkpoint: Checkpoint, place: str) -> None:
    """ArchiveDiffers unless the store's leaves give the root that the checkpoint signed."""
    origin = reader.origin()
    if checkpoint.origin != origin:
        raise ArchiveDiffers(f"{place} holds the log {checkpoint.origin!r}, not {origin!r}; name another place")
    size = reader.frontier().size
    if checkpoint.size > size:
        raise ArchiveDiffers(
            f"{place} knows {checkpoint.size} leaves of {origin!r}, the store holds {size}: it is an older copy, or "
            f"leaves were lost. {what_to_do(place)}"
        )
    try:
        same = tree_root(checkpoint.size, StoreTree(reader)) == checkpoint.root
    except VerificationError as error:
        raise ArchiveDiffers(
            f"the store of {origin!r} is damaged: {error}; run 'countersign audit fsck' on it"
        ) from error
    if not same:
        raise ArchiveDiffers(
            f"the first {checkpoint.size} leaves in the store of {origin!r} are not those of {place}: history was "
            f"rewritten, or this is a fork. {what_to_do(place)}"
        )


def _opened(destination: Destination, path: str, note: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    try:
        return open_checkpoint(note, verifiers)
    except VerificationError as error:
        raise ArchiveDiffers(
            f"{destination}: {path} is no checkpoint of this log's keys: {error}; name another place, or keep it as "
            "evidence that somebody wrote there"
        ) from error
