# SPDX-License-Identifier: Apache-2.0
"""Count every request once, with its route as template, its method and the status that was sent."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar.types import ASGIApp, Receive, Scope, Send

from service.metrics import ServiceMetrics

_EXEMPLAR: Final = "countersign_exemplar"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def leave_exemplar(scope: Any, trace_id: bytes, span_id: bytes) -> None:
    """Say which span a request's duration belongs to."""
    scope[_EXEMPLAR] = (trace_id, span_id)


class Observed:
    """Wraps an ASGI application. A path that no route knows counts as `unmatched`, lest labels grow without bound."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics
        metrics.inflight += 1
        start = time.perf_counter()
        status = 500
        forward: Callable[[Any], Awaitable[None]] = send

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await forward(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            metrics.inflight -= 1
            self._count(scope, status, time.perf_counter() - start)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        fields: Any = scope
        route = fields.get("path_template") or "unmatched"
        method = fields["method"] if fields["method"] in _METHODS else "other"
        self._metrics.requested((route, method, str(status)), seconds, fields.get(_EXEMPLAR))
