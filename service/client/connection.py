# SPDX-License-Identifier: Apache-2.0
"""One keep-alive HTTP/1.1 connection over a unix socket or TCP, without a pool, a thread or a redirect.

A request either gives a whole reply or raises `ConnectionFailed`, at the latest when its timeout passes: a peer that
vanishes, stalls or answers something else than HTTP never leaves the caller waiting. Whether to send again is left to
the caller, except that a request on a reused connection which the peer had already closed is sent once more on a fresh
one: requests must therefore be safe to repeat.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast

import httptools

from contracts.endpoint import Endpoint
from service.errors import ConnectionFailed


class Reply(NamedTuple):
    """A whole response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Connects when first used, and again after a failure. One request at a time."""

    def __init__(self, endpoint: Endpoint, max_body: int) -> None:
        self._endpoint = endpoint
        self._max_body = max_body
        self._exchange: _Exchange | None = None

    async def request(self, head: bytes, body: bytes, timeout: float) -> Reply:  # noqa: ASYNC109 - a deadline per call
        """Send a request built by `request_head` and its body. Raises ConnectionFailed."""
        due = asyncio.get_running_loop().time() + timeout
        reused = self.reusable
        try:
            try:
                return await self._send(head, body, due)
            except _ClosedBeforeReply:
                if not reused:
                    raise
                return await self._send(head, body, due)
        except TimeoutError as error:
            raise ConnectionFailed(f"{self._endpoint.text}: no answer within {timeout:g} s") from error
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise ConnectionFailed(f"{self._endpoint.text}: {reason}") from error

    async def _send(self, head: bytes, body: bytes, due: float) -> Reply:
        exchange = self._exchange
        if exchange is None or not exchange.reusable:
            async with asyncio.timeout_at(due):
                exchange = self._exchange = await self._connect()
        try:
            return await exchange.run(head, body, due)
        except BaseException:
            # A cancelled or broken exchange leaves bytes under way: the next one must not read them.
            self.close()
            raise

    async def _connect(self) -> "_Exchange":
        loop = asyncio.get_running_loop()
        host, port, path = self._endpoint.address
        if path is not None:
            _, protocol = await loop.create_unix_connection(lambda: _Exchange(self._max_body), path)
        else:
            tls = self._endpoint.tls
            _, protocol = await loop.create_connection(lambda: _Exchange(self._max_body), host, port, ssl=tls)
        return protocol

    @property
    def reusable(self) -> bool:
        """Whether the connection stands and can carry another request."""
        return self._exchange is not None and self._exchange.reusable

    def close(self) -> None:
        """Close at once; the next request connects again."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None


def request_head(endpoint: Endpoint, method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    """Request line and headers, with ``Host`` and ``Content-Length``."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {endpoint.authority}", f"Content-Length: {length}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _ClosedBeforeReply(OSError):
    pass


class _Exchange(asyncio.Protocol):
    """Feeds what arrives to the parser; one future stands for the reply under way.

    Replies mostly come long before they are due, so that a timer, once started, is left to run out and looks then
    whether a reply is overdue, or when the next may be.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._start()

    def _start(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._began = False

    @property
    def reusable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def run(self, head: bytes, body: bytes, due: float) -> Reply:
        if self._transport is None or self._transport.is_closing():
            raise _ClosedBeforeReply("the connection was closed")
        self._start()
        self._reply = self._loop.create_future()
        self._watch(due)
        self._transport.write(head + body)
        try:
            return await self._reply
        finally:
            self._reply = None

    def _watch(self, due: float) -> None:
        self._due = due
        if self._timer is not None and self._timer.when() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._reply is None or self._reply.done():
            return
        if self._loop.time() < self._due:
            self._watch(self._due)
        else:
            self._reply.set_exception(TimeoutError())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio transports without saying so.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._began = True
        if self._reply is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(OSError(f"the answer is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        broken = OSError("the connection broke in mid-answer")
        self._fail(broken if self._began else _ClosedBeforeReply("the connection was closed without an answer"))

    # httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max_body:
            self._fail(OSError(f"the answer is longer than {self._max_body} bytes"))
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers, self._body = {}, []
            return
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(status, self._headers, b"".join(self._body)))

    def _fail(self, error: OSError) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self.close()
