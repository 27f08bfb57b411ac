# SPDX-License-Identifier: Apache-2.0
"""Sign a checkpoint at least every second while the log grows: first anchored, then persisted, then shown.

Of several sidecars one publishes, by a lease in the store; the others take over within seconds when it is gone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar

from audit_sidecar.errors import Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.anchor import Anchoring
from audit_sidecar.stores.signed import require_signed
from audit_sidecar.stores.store import SignedCheckpoint, StoreWriter
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import NoteSigner
from audit_sidecar.tlog.merkle import Frontier

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Floor(NamedTuple):
    """What nothing is ever signed behind."""

    signed: int = -1
    """The largest size that was signed before, whoever keeps that checkpoint."""
    stored: Callable[[], Frontier] | None = None
    """The head as the store has it, which the frontier to be signed follows; called in the writer's thread."""
    anchor: Anchoring | None = None
    newest: Callable[[], SignedCheckpoint | None] | None = None
    """The newest checkpoint as the store has it, where others may sign too; called in the writer's thread."""
    cosign: Callable[[bytes], Awaitable[bytes | None]] | None = None
    """Adds the witnesses' lines to a note, in bounded time; None when they make no quorum."""


NEW_LOG: Final = Floor()


class Publisher:
    """Signs what is durable, never less than was signed before. Fatal ends the process, as in the sequencer."""

    def __init__(
        self,
        frontier: Callable[[], Frontier],
        writer: StoreWriter,
        signers: Sequence[NoteSigner],
        thread: Executor,
        metrics: SidecarMetrics,
        floor: Floor = NEW_LOG,
    ) -> None:
        self._frontier = frontier
        self._writer = writer
        self._signers = signers
        self._thread = thread
        self._metrics = metrics
        self._floor = floor
        self._size = floor.signed
        self._hindered = False
        self.leads = False
        """Whether this sidecar was the one to publish when it last tried."""

    async def run(self, interval: float = 1.0) -> None:
        """Publish every ``interval`` seconds while the log grows, until cancelled."""
        while True:
            # A full disk, a key service that is away: answers go on, and this size is signed when that is over.
            started = time.monotonic()
            try:
                await self.publish()
            except Pushback as error:
                self._tell(str(error))
            else:
                self._tell(None)
            await asyncio.sleep(max(0.0, started + interval - time.monotonic()))

    async def publish(self) -> None:
        """Sign and persist a checkpoint of everything durable, unless that was done before.

        Pushback when store or anchor cannot take it now; Fatal when the store is behind what this process committed.
        """
        await self._require_no_way_back(self._frontier())
        frontier = self._frontier()
        led, self.leads = self.leads, await self._in_writer(self._writer.lead)
        if not (led and self.leads):
            # Also by a new leader: the one before it may have signed this size, with its witnesses' lines.
            await self._follow()
        if not self.leads:
            return
        if frontier.size <= self._size:
            return
        checkpoint = Checkpoint(self._signers[0].verifier.name, frontier.size, frontier.root())
        # Aside: a key in a key service answers over the network.
        note = await asyncio.to_thread(sign_checkpoint, checkpoint, self._signers)
        signed = SignedCheckpoint(checkpoint.size, checkpoint.root, note, time.time_ns())
        try:
            if self._floor.anchor is not None:
                await self._floor.anchor.keep(note)
            # In the writer's thread: readers take checkpoints from the store, so persisting it is what shows it.
            await self._in_writer(self._writer.put_checkpoint, signed)
        except HeadMoved:  # a publisher before this one had come further
            await self._follow()
            return
        self._show(signed)
        if self._floor.cosign is not None:
            await self._add_cosignatures(signed)

    def _tell(self, obstacle: str | None) -> None:
        # Once, not every second.
        if obstacle is not None and not self._hindered:
            _log.error("no checkpoint is signed or shown: %s", obstacle)
        if obstacle is None and self._hindered:
            _log.info("checkpoints are signed again")
        self._hindered = obstacle is not None

    async def _add_cosignatures(self, signed: SignedCheckpoint) -> None:
        note = None if self._floor.cosign is None else await self._floor.cosign(signed.note)
        if note is not None:
            with suppress(HeadMoved):
                await self._in_writer(self._writer.put_checkpoint, signed._replace(note=note))

    async def _follow(self) -> None:
        newest = None if self._floor.newest is None else await self._in_writer(self._floor.newest)
        if newest is not None and newest.size >= self._size:
            # Unsigned, it neither counts as shown nor as a floor.
            try:
                require_signed(newest, [signer.verifier for signer in self._signers])
            except StoreRefused as error:
                raise Pushback(str(error)) from error
            self._show(newest)

    def _show(self, signed: SignedCheckpoint) -> None:
        self._size = signed.size
        self._metrics.checkpoint_size.set(signed.size)
        self._metrics.checkpoint_time.set(signed.time / 1e9)

    async def _in_writer(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *arguments))
        except StoreRefused as error:  # what stands there may be mended while this runs
            raise Pushback(str(error)) from error

    async def _require_no_way_back(self, frontier: Frontier) -> None:
        if self._floor.stored is None:
            return
        stored = await self._in_writer(self._floor.stored)
        if stored.size < frontier.size or (stored.size == frontier.size and stored.to_bytes() != frontier.to_bytes()):
            raise Fatal(
                f"the store holds {stored.size} leaves where {frontier.size} were committed, or other ones: it was set "
                "back or rewritten under this sidecar; nothing more is signed. Run 'countersign audit fsck' on it"
            )
