# SPDX-License-Identifier: Apache-2.0
"""One listener's bounds, over real sockets, with small limits so that no test waits long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from contracts.address import Address, bind, bound_port
from contracts.http_limits import HttpLimits, limited_http
from tests.asgi_server import serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def _application(scope: Any, receive: Any, send: Any) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    body = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _listening(limits: HttpLimits, keep_alive: int = 5) -> AsyncIterator[int]:
    listener = bind(Address("127.0.0.1", 0))
    config = uvicorn.Config(
        _application, http=limited_http(limits), ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_keep_alive=keep_alive,
    )  # fmt: skip
    async with serving(config, listener):
        yield bound_port(listener)


async def _answer(port: int, *parts: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_what_keeps_within_the_limits_is_answered() -> None:
    """Headers, a body far longer than the header limit, and several requests on one connection."""
    async with _listening(HttpLimits(header_bytes=1000)) as port:
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)
        answer = await _answer(port, post, post, GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.count(b"\r\n\r\n100000") == 2


async def test_a_long_header_is_refused() -> None:
    """431, whether it comes at once or in pieces, and for trailers too."""
    async with _listening(HttpLimits(header_bytes=1000)) as port:
        at_once = await _answer(port, GET + b"X: " + b"a" * 2000)
        in_pieces = await _answer(port, GET, *[b"X-%d: a\r\n" % number for number in range(500)])
        chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        trailer = await _answer(port, chunked, b"T: " + b"a" * 1_000_000)  # more than is read at one time
    assert at_once.startswith(b"HTTP/1.1 431")
    assert in_pieces.startswith(b"HTTP/1.1 431") or in_pieces == b""
    assert trailer.startswith(b"HTTP/1.1 431") or trailer == b""


async def test_a_slow_request_is_refused() -> None:
    """408 once patience ends, for half a header and for half a body; a connection that never asks is just closed."""
    async with _listening(HttpLimits(patience=0.1)) as port:
        header, body, silent = await asyncio.gather(
            _answer(port, GET),
            _answer(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"),
            _answer(port),
        )
    assert header.startswith(b"HTTP/1.1 408")
    assert body.startswith(b"HTTP/1.1 408")
    assert silent == b""


async def test_an_idle_connection_is_closed() -> None:
    """Between requests a connection may be silent for as long as the listener keeps it alive, and no longer."""
    async with _listening(HttpLimits(), keep_alive=0) as port:
        short = await _answer(port, GET + b"\r\n")
    async with _listening(HttpLimits()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + b"\r\n")
        left_open = asyncio.create_task(reader.read())
        done, _ = await asyncio.wait({left_open}, timeout=1.5)
        writer.close()
        assert not done
        await left_open
    assert short.startswith(b"HTTP/1.1 200")


async def test_progress_earns_patience() -> None:
    """What has arrived buys time: a long upload is not cut off for being long."""
    async with _listening(HttpLimits(patience=0.1, slowest=100)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n" + bytes(1000))
        with_patience = asyncio.create_task(reader.read())
        done, _ = await asyncio.wait({with_patience}, timeout=2.5)
        assert not done
        writer.write(b"x")
        assert (await with_patience).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_bytes_held_are_bounded_over_all_connections() -> None:
    """503 with Retry-After beyond the bound; what is answered or closed is held no longer."""
    async with _listening(HttpLimits(bytes_held=100_000)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(90_000))
        await writer.drain()
        refused = await _answer(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + bytes(20_000))
        writer.close()
        del reader
        answer = b""
        while not answer.startswith(b"HTTP/1.1 200"):
            # The other side learns of the closing when its loop comes to it.
            post = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n" + bytes(20_000)
            answer = await _answer(port, post)
    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in refused


async def test_connections_are_bounded() -> None:
    """Those beyond the bound are closed at once; the others are answered."""
    async with _listening(HttpLimits(connections=2)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert await _answer(port, GET + b"\r\n") == b""
        for reader, writer in held:
            writer.write(GET + b"Connection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
