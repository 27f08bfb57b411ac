# SPDX-License-Identifier: Apache-2.0
"""An audit API that gives prepared replies over a real socket and remembers what it was asked."""

import asyncio
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class FakeAuditApi:
    """``replies`` are (status, headers, body), one per request; ``asked`` holds (request line, head, body)."""

    def __init__(self, path: str) -> None:
        self.url = f"unix:{path}"
        self.replies: deque[tuple[int, str, bytes]] = deque()
        self.asked: list[tuple[str, str, bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(int(x[15:]) for x in head.split("\r\n") if x.lower().startswith("content-length:"))
                body = await reader.readexactly(length)
                self.asked.append((head.partition("\r\n")[0], head, body))
                status, headers, answer = self.replies.popleft()
                writer.write(f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_audit_api() -> AsyncIterator[FakeAuditApi]:
    """An audit API on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cs-"))
    api = FakeAuditApi(str(folder / "a.sock"))
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(api.serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, str(folder / "a.sock"))
    try:
        yield api
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        shutil.rmtree(folder)
