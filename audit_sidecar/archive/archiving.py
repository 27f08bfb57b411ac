# SPDX-License-Identifier: Apache-2.0
"""Archive in the background, round after round, without ever holding up an answer or a checkpoint.

While the archive is away evidence goes on being kept in the store, and the lag shows; what the archive refuses because
it knows another history ends the process, for then nothing more may be signed.
"""

import asyncio
import logging
from collections.abc import Callable

from audit_sidecar.archive.archiver import Archiver
from audit_sidecar.errors import Pushback, StoreRefused
from audit_sidecar.metrics import SidecarMetrics

_log = logging.getLogger(__name__)


class Archiving:
    """The rounds of one process. ``leads`` says whether this sidecar publishes; the others leave archiving to it."""

    def __init__(self, archiver: Archiver, leads: Callable[[], bool], metrics: SidecarMetrics) -> None:
        self._archiver = archiver
        self._leads = leads
        self._metrics = metrics
        self._away = False

    async def run(self, interval: float) -> None:
        """A round every ``interval`` seconds until cancelled. Raises ArchiveDiffers (Fatal)."""
        while True:
            await asyncio.sleep(interval)
            if self._leads():
                await self.round()

    async def round(self) -> None:
        """One round in a thread of its own; an archive or a store that is away is told once, and when it is back."""
        try:
            done = await asyncio.to_thread(self._archiver.catch_up)
        except (Pushback, StoreRefused) as error:
            if not self._away:
                _log.error("nothing is archived: %s", error)
            self._away = True
            return
        if self._away:
            _log.info("the archive takes the log again, %d leaves", done.size)
        self._away = False
        self._metrics.count_archived(done.size)
