# SPDX-License-Identifier: Apache-2.0
"""How a server parts from kept connections: with an answer to whoever asks once more, and soon from the silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from contracts.address import Address, bind, bound_port
from contracts.http_limits import limited_http
from service.server import _Server
from service.web.farewell import Farewell

REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Two bytes."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(seconds: float) -> AsyncIterator[tuple[uvicorn.Server, asyncio.Task[None], int]]:
    """A server with this patience; it is told to end by the test."""
    farewell, listener = Farewell(seconds), bind(Address("127.0.0.1", 0))
    http = farewell.http(limited_http())
    server = _Server(uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None), farewell)
    port = bound_port(listener)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server, task, port
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 30)


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A whole answer."""
    writer.write(REQUEST)
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\nok"), 30)


async def test_a_request_on_a_kept_connection_is_answered_while_the_server_ends() -> None:
    """It is told to be the last; nobody else is let in, and the server waits no longer than for that."""
    async with serving(seconds=1000) as (server, task, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"connection: close" not in await asked(reader, writer)
        server.should_exit = True
        while server.servers[0].is_serving():  # noqa: ASYNC110 - nothing tells when it lets nobody in any more
            await asyncio.sleep(0)
        assert b"connection: close" in await asked(reader, writer)
        assert await reader.read() == b""
        await asyncio.wait_for(task, 30)
        writer.close()


async def test_silent_connections_are_closed_when_the_time_is_over() -> None:
    """Those that never asked, too."""
    async with serving(seconds=0.05) as (server, task, port):
        kept, fresh = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asked(*kept)
        server.should_exit = True
        await asyncio.wait_for(task, 30)
        for reader, writer in (kept, fresh):
            assert await reader.read() == b""
            writer.close()
