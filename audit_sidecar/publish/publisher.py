# SPDX-License-Identifier: Apache-2.0
"""Sign a checkpoint at least every second while the log grows: first persisted, then shown."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from audit_sidecar.errors import Pushback
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.stores.store import SignedCheckpoint, StoreWriter
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import NoteSigner
from audit_sidecar.tlog.merkle import Frontier


class Publisher:
    """Signs what is durable, never less than was signed before. Fatal ends the process, as in the sequencer."""

    def __init__(
        self,
        frontier: Callable[[], Frontier],
        writer: StoreWriter,
        signers: Sequence[NoteSigner],
        thread: ThreadPoolExecutor,
        metrics: SidecarMetrics,
        newest: SignedCheckpoint | None,
    ) -> None:
        self._frontier = frontier
        self._writer = writer
        self._signers = signers
        self._thread = thread
        self._metrics = metrics
        self._size = -1 if newest is None else newest.size

    async def run(self, interval: float = 1.0) -> None:
        """Publish every ``interval`` seconds while the log grows, until cancelled."""
        while True:
            # A full disk: the commit path says so too, and this size is signed when there is room again.
            with suppress(Pushback):
                await self.publish()
            await asyncio.sleep(interval)

    async def publish(self) -> None:
        """Sign and persist a checkpoint of everything durable, unless that was done before."""
        frontier = self._frontier()
        if frontier.size <= self._size:
            return
        checkpoint = Checkpoint(self._signers[0].verifier.name, frontier.size, frontier.root())
        note = sign_checkpoint(checkpoint, self._signers)
        signed = SignedCheckpoint(checkpoint.size, checkpoint.root, note, time.time_ns())
        # In the writer's thread: readers take checkpoints from the store, so persisting it is what shows it.
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.put_checkpoint, signed)
        self._size = checkpoint.size
        self._metrics.checkpoint_size.set(signed.size)
        self._metrics.checkpoint_time.set(signed.time / 1e9)
