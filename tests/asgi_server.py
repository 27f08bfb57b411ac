# SPDX-License-Identifier: Apache-2.0
"""Run an ASGI application over real sockets, in the loop of the test that asks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from socket import socket
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        """Leave the test's signals alone."""
        return nullcontext()


@asynccontextmanager
async def serving(config: uvicorn.Config, listener: socket) -> AsyncIterator[uvicorn.Server]:
    """Serve at this listener while a block lasts."""
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server
    finally:
        server.should_exit = True
        await task
