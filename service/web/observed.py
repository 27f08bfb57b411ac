# SPDX-License-Identifier: Apache-2.0
"""The outermost layer: count every request once, and take the two predict routes on the short way.

Litestar's routing costs more than a prediction, so `POST /predict` and `POST /predict/batch` are answered before it.
Litestar has the same two handlers, for OpenAPI and for paths that it normalises, such as one with a trailing slash.
Most single predictions do not even come here: see `service.web.predict_http`.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar.types import ASGIApp, Receive, Scope, Send

from service.metrics import ServiceMetrics
from service.web.reply import Reply

_EXEMPLAR: Final = "countersign_exemplar"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Short = Callable[[Scope, Receive], Awaitable[Reply]]


def leave_exemplar(scope: Any, trace_id: bytes, span_id: bytes) -> None:
    """Say which span a request's duration belongs to."""
    scope[_EXEMPLAR] = (trace_id, span_id)


class Observed:
    """Wraps an ASGI application; ``short`` maps paths to what answers a POST there without the application.

    Requests are counted by route template, method and status; a path that no route knows counts as `unmatched`, lest
    labels grow without bound.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, short: Mapping[str, Short]) -> None:
        self._app = app
        self._metrics = metrics
        self._short = short

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics
        metrics.inflight += 1
        start = time.perf_counter()
        status = 500
        try:
            short = self._short.get(scope["path"])
            if short is not None and scope["method"] == "POST":
                scope["path_template"] = scope["path"]
                reply = await short(scope, receive)
                status = reply.status
                await reply(scope, receive, send)
            else:
                status = await self._through(scope, receive, send)
        finally:
            metrics.inflight -= 1
            self._count(scope, status, time.perf_counter() - start)

    async def _through(self, scope: Any, receive: Receive, send: Send) -> int:
        status = 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, sending)
        return status

    def _count(self, scope: Any, status: int, seconds: float) -> None:
        route = scope.get("path_template") or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requested((route, method, str(status)), seconds, scope.get(_EXEMPLAR))
