# SPDX-License-Identifier: Apache-2.0
"""The layer around everything when telemetry is on: tell the lane of each exchange once its answer was sent.

Without telemetry it is not there at all. Probes and metrics are nobody's request and are passed over.
"""

import time
from typing import Any, Final

from litestar.types import ASGIApp, Receive, Send

from contracts.identifiers import IdSource
from service.prediction.trace_context import read_link
from service.telemetry.exchange import Exchange, leave_exchange
from service.telemetry.lane import Lane
from service.web.headers import read_headers

_PASSED_OVER: Final = frozenset({"/healthz", "/ready", "/metrics"})
_SERVER_ERROR: Final = 500


class Traced:
    """Wraps an ASGI application. The exchange's request id is the one that the answer names, where it names one."""

    def __init__(self, app: ASGIApp, lane: Lane) -> None:
        self._app = app
        self._lane = lane
        self._ids = IdSource()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["path"].rstrip("/") in _PASSED_OVER:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._ids.request_id(), scope["method"], scope["scheme"], time.time_ns())
        leave_exchange(scope, exchange)
        start = time.perf_counter_ns()

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            exchange.error_type = type(error).__name__
            raise
        finally:
            # The duration is measured, not subtracted: the wall clock may step back.
            exchange.end = exchange.start + time.perf_counter_ns() - start
            self._complete(scope, exchange)
            self._lane.record(exchange)

    def _complete(self, scope: Any, exchange: Exchange) -> None:
        headers = read_headers(scope["headers"])
        exchange.link = read_link(headers.get(b"traceparent"), None)
        exchange.route = scope.get("path_template") or ""
        # A refusal is no failure of ours: OpenTelemetry leaves server spans of 4xx answers without error.
        if exchange.status < _SERVER_ERROR:
            exchange.error_type = None
        elif exchange.error_type is None:
            exchange.error_type = str(exchange.status)
