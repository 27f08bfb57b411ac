# SPDX-License-Identifier: Apache-2.0
"""Probes and metrics; open to all, never writing, and ``/livez`` never asking the store."""

import time
from collections.abc import Callable
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from audit_sidecar.errors import AuditError
from audit_sidecar.stores.store import StoreReader

_FRESH_SECONDS: Final = 2
"""With what a reader waits for a store that fell silent, at most two more, readiness is never more than five behind."""


class Health:
    """What the probes say. ``commits_succeed`` tells whether the last commit that was tried became durable, and the
    last checkpoint was anchored."""

    def __init__(self, reader: StoreReader, commits_succeed: Callable[[], bool]) -> None:
        self._reader = reader
        self._commits_succeed = commits_succeed
        self._pinged = 0.0

    def ready(self) -> bool:
        """The last commit succeeded and the store answered a moment ago."""
        if not self._commits_succeed():
            return False
        if time.monotonic() - self._pinged > _FRESH_SECONDS:
            try:
                self._reader.frontier()
            except AuditError:
                return False
            self._pinged = time.monotonic()
        return True


@get("/livez", sync_to_thread=False, summary="The process runs")
def livez() -> dict[str, str]:
    """Never depends on the store."""
    return {"status": "ok"}


@get("/startupz", sync_to_thread=True, summary="The store is open and its edge was verified")
def startupz(health: NamedDependency[Health]) -> Response[dict[str, str]]:
    """Nothing listens before that, so this answers what `readyz` answers."""
    return _readiness(health)


@get("/readyz", sync_to_thread=True, summary="Evidence can be made durable")
def readyz(health: NamedDependency[Health]) -> Response[dict[str, str]]:
    """The store takes commits and answers."""
    return _readiness(health)


@get("/metrics", sync_to_thread=True, media_type="text/plain", summary="Prometheus metrics")
def metrics(request: Request[Any, Any, Any], registry: NamedDependency[CollectorRegistry]) -> Response[bytes]:
    """OpenMetrics or the classic text format, as the scraper asks."""
    encoder, content_type = choose_encoder(request.headers.get("accept", ""))
    # Litestar adds the charset of text itself.
    return Response(encoder(registry), media_type=content_type.removesuffix("; charset=utf-8"))


def _readiness(health: Health) -> Response[dict[str, str]]:
    ready = health.ready()
    return Response({"status": "ready" if ready else "not ready"}, status_code=200 if ready else 503)
