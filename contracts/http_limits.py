# SPDX-License-Identifier: Apache-2.0
"""How much one HTTP listener puts up with before a request is whole: header bytes, time, and memory altogether.

The server underneath bounds none of them: it would collect an endless header, and wait for ever for the next byte.
A request that goes too far is answered with 408, 431 or 503 where its answer has not begun, and its connection closed.
What a request may say, and how long its body may be, is left to the application.
"""

import asyncio
import logging
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.joined_write import JoinedWrite

_LOG: Final = logging.getLogger("countersign.http")
_SWEEP: Final = 1.0


class HttpLimits(NamedTuple):
    """Bounds of one listener."""

    header_bytes: int = 64 << 10
    """Request line, headers or trailers of one request."""
    patience: float = 20.0
    """Seconds until a request must be whole, or a fresh connection have sent one; more for what has arrived."""
    slowest: int = 4096
    """Bytes per second that earn a request more time."""
    connections: int = 4096
    """Connections at once; further ones are closed unanswered."""
    bytes_held: int = 96 << 20
    """Bytes of requests that are not answered yet, over all connections."""


def limited_http(limits: HttpLimits = HttpLimits()) -> type[HttpToolsProtocol]:  # noqa: B008 - immutable
    """The protocol class of one listener, for `uvicorn.Config(http=…)`."""
    listener = _Listener(limits)

    class Limited(_LimitedHttp):
        """Bound to its listener."""

        listener_ = listener

    return Limited


class _Listener:
    """What the connections of one listener share."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self.held = 0
        self.open: set[_LimitedHttp] = set()
        self.refused = 0
        self._sweeping = False

    def opened(self, connection: "_LimitedHttp", loop: asyncio.AbstractEventLoop) -> None:
        self.open.add(connection)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self.open):
            connection.require_progress(now)
        if self.refused:
            # One line a second at most: whoever wears our patience out must not fill the disk with it.
            _LOG.warning("refused %d requests that were too slow, too long or too many", self.refused)
            self.refused = 0
        self._sweeping = bool(self.open)
        if self._sweeping:
            loop.call_later(_SWEEP, self._sweep, loop)


class _LimitedHttp(HttpToolsProtocol):
    listener_: _Listener

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._receiving = True  # a fresh connection owes a request
        self._since = self.loop.time()
        self._idle_since: float | None = None
        self._size = self._held = self._header = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        listener = self.listener_
        listener.opened(self, self.loop)
        if len(listener.open) > listener.limits.connections:
            listener.refused += 1
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.listener_.open.discard(self)
        self._release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        size = len(data)
        if not self._receiving:
            self._receiving, self._since, self._size, self._idle_since = True, self.loop.time(), 0, None
        listener = self.listener_
        self._size += size
        self._header += size
        self._held += size
        listener.held += size
        if listener.held > listener.limits.bytes_held:
            self._refuse(b"503 Service Unavailable", b"retry-after: 1\r\n", b"too much is being received at once")
            return
        super().data_received(data)
        if self._header > listener.limits.header_bytes:
            self._refuse(b"431 Request Header Fields Too Large", b"", b"the request line or the headers are too long")

    def on_headers_complete(self) -> None:
        self._header = 0
        super().on_headers_complete()
        if self.scope["method"] != "HEAD" and self.cycle is not None:  # none when the server took it for something else
            self.cycle.transport = JoinedWrite(self.transport)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        self._header = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._header = 0
        self._receiving = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._release()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        # What the server does, but for its timer: the sweep sees to idle connections, and costs a request nothing.
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = None if self._receiving else self.loop.time()

    def require_progress(self, now: float) -> None:
        """Close the connection when its request has taken too long to arrive, or none has come for too long."""
        limits = self.listener_.limits
        # While reading is paused it is we who are slow.
        if self.flow.read_paused:
            self._since = now
        elif self._receiving and now - self._since > limits.patience + self._size / limits.slowest:
            self._refuse(b"408 Request Timeout", b"", b"the request did not arrive in time")
        elif self._idle_since is not None and now - self._idle_since > self.timeout_keep_alive:
            self.transport.close()

    def _release(self) -> None:
        self.listener_.held -= self._held
        self._held = 0

    def _refuse(self, status: bytes, header: bytes, reason: bytes) -> None:
        self.listener_.refused += 1
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request
        if self._size and (cycle is None or cycle.response_complete or not cycle.response_started):
            head = b"HTTP/1.1 %b\r\n%bcontent-type: text/plain\r\n" % (status, header)
            self.transport.write(head + b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(reason), reason))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
