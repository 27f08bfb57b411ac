# SPDX-License-Identifier: Apache-2.0
"""The client against servers that misbehave on the wire."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.endpoint import Endpoint, parse_endpoint
from service.client.connection import Connection, request_head
from service.errors import ConnectionFailed

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[Endpoint]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    with tempfile.TemporaryDirectory(prefix="cs-") as folder:
        listener = await asyncio.start_unix_server(serve, f"{folder}/s")
        try:
            yield parse_endpoint(f"unix:{folder}/s", "--evidence")
        finally:
            listener.close()


def replying(*replies: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()

    return script


async def get(endpoint: Endpoint, connection: Connection) -> tuple[int, bytes]:
    reply = await connection.request(request_head(endpoint, "GET", "/x", {}, 0), b"", 5)
    return reply.status, reply.body


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", b"hi"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b""),
    ],
)
async def test_whole_replies_are_read(raw: bytes, body: bytes) -> None:
    """Length, chunks, an interim reply, a last reply."""
    async with server(replying(raw)) as endpoint:
        connection = Connection(endpoint, 100)
        assert await get(endpoint, connection) == (200, body)
        connection.close()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "broke in mid-answer"),
        (b"SSH-2.0-OpenSSH_9.0\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, "longer than 100 bytes"),
    ],
)
async def test_anything_else_fails_and_names_the_peer(raw: bytes, message: str) -> None:
    """Never a hang, never half a reply."""
    async with server(replying(raw)) as endpoint:
        connection = Connection(endpoint, 100)
        with pytest.raises(ConnectionFailed, match=message) as failure:
            await get(endpoint, connection)
        assert endpoint.text in str(failure.value)
        connection.close()


async def test_request_cancelled_half_way_leaves_no_bytes_for_the_next() -> None:
    """The next request does not read the last one's reply."""
    arrived, go = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"two" if arrived.is_set() else b"one"
        arrived.set()
        if body == b"one":
            await go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body)
        await writer.drain()
        await reader.read()

    async with server(script) as endpoint:
        connection = Connection(endpoint, 100)
        first = asyncio.create_task(get(endpoint, connection))
        await arrived.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go.set()
        assert await get(endpoint, connection) == (200, b"two")
        connection.close()


async def test_refused_connection_fails(tmp_path: Path) -> None:
    """Nobody listens: the reason is the system's."""
    endpoint = parse_endpoint(f"unix:{tmp_path}/none", "--evidence")
    with pytest.raises(ConnectionFailed, match="No such file"):
        await get(endpoint, Connection(endpoint, 100))
