# SPDX-License-Identifier: Apache-2.0
"""Make a store's index follow its log in the background, where the store does not do so within each commit.

Nothing waits for it: look-ups are right at any lag, and cost more with it. One sidecar indexes, the one that publishes.
"""

import asyncio
import logging
from collections.abc import Callable

from audit_sidecar.errors import AuditError
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.stores.index import Indexer

_log = logging.getLogger(__name__)


class Indexing:
    """The rounds of one process. ``leads`` says whether this sidecar publishes; the others leave indexing to it."""

    def __init__(self, indexer: Indexer, leads: Callable[[], bool], metrics: SidecarMetrics) -> None:
        self._indexer = indexer
        self._leads = leads
        self._metrics = metrics
        self._away = False

    async def run(self, interval: float = 1.0) -> None:
        """Follow the log until cancelled; a round every ``interval`` seconds, and at once while there is more."""
        while True:
            if not self._leads():
                self._metrics.index_lag.set(0)
            elif await self.round():
                continue
            await asyncio.sleep(interval)

    async def round(self) -> bool:
        """One round, in a thread of its own; whether there is more to do. A store that says no is told of once."""
        try:
            lag = await asyncio.to_thread(self._indexer.catch_up)
        except AuditError as error:
            if not self._away:
                _log.error("the index does not follow the log: %s", error)
            self._away = True
            return False
        if self._away:
            _log.info("the index follows the log again")
        self._away = False
        self._metrics.index_lag.set(lag.leaves)
        return lag.commits > 0
