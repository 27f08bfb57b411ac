# SPDX-License-Identifier: Apache-2.0
"""A receiver that speaks real HTTP over a unix socket and does what a test tells it, good or bad."""

import asyncio
import hashlib
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from contracts.acknowledgement import Acknowledgement, Position, encode_acknowledgement
from contracts.evidence import Record, read_record
from contracts.payload import cut_export

ACKNOWLEDGE = "acknowledge"
STALL = "stall"
"""Keep the request until `FakeSidecar.resume` is called, then acknowledge it."""
DROP = "drop"
"""Close the connection instead of an answer, and keep nothing."""
LOSE = "lose"
"""Keep the records, but close the connection before the acknowledgement is read."""
GARBAGE = "garbage"
"""Answer 200 without an acknowledgement, as a stock collector does."""
SHORT = "short"
"""Acknowledge one record fewer than was sent."""
NOT_HTTP = "not http"


class FakeSidecar:
    """``script`` holds what to do with the next exports: a name above or a status; when it is empty, acknowledge."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.script: deque[str | int] = deque()
        self.bodies: list[bytes] = []
        self.heads: list[str] = []
        self.kept: list[bytes] = []
        self.open_exports = 0
        self.most_open_exports = 0
        self.connections = 0
        self._resumed = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._positions: dict[bytes, tuple[Position, ...]] = {}

    @property
    def url(self) -> str:
        """What `--evidence` takes."""
        return f"unix:{self.path}"

    @property
    def records(self) -> list[Record]:
        """Every record kept, in the order of the log."""
        return [read_record(payload.span) for body in self.kept for payload in cut_export(body)]

    def kinds(self) -> list[str]:
        """The kinds of the kept records, in order."""
        return [record.kind for record in self.records]

    def resume(self) -> None:
        """Let stalled exports go on, and every later one."""
        self._resumed.set()

    async def received(self, exports: int) -> None:
        """Wait until this many exports have arrived, re-sent ones included."""
        async with self._arrived, asyncio.timeout(10):
            await self._arrived.wait_for(lambda: len(self.bodies) >= exports)

    async def kept_kind(self, kind: str, count: int = 1) -> None:
        """Wait until that many records of a kind are kept."""
        async with self._arrived, asyncio.timeout(10):
            await self._arrived.wait_for(lambda: self.kinds().count(kind) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        body = await reader.readexactly(length)
        self.open_exports += 1
        self.most_open_exports = max(self.most_open_exports, self.open_exports)
        try:
            async with self._arrived:
                self.heads.append(head)
                self.bodies.append(body)
                self._arrived.notify_all()
            return await self._answer(body, writer)
        finally:
            self.open_exports -= 1

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        step = self.script.popleft() if self.script else ACKNOWLEDGE
        if step == STALL:
            await self._resumed.wait()
        if step in (STALL, ACKNOWLEDGE, LOSE, SHORT):
            await self._keep(body)
        if step in (DROP, LOSE):
            return False
        if step == NOT_HTTP:
            writer.write(b"220 mail.example.com ESMTP\r\n")
        elif isinstance(step, int):
            writer.write(_reply(step, b"because the test says so"))
        elif step == GARBAGE:
            writer.write(_reply(200, b""))
        else:
            positions = self._positions[body]
            writer.write(
                _reply(200, encode_acknowledgement(Acknowledgement("test.local/log", positions[step == SHORT :])))
            )
        await writer.drain()
        return True

    async def _keep(self, body: bytes) -> None:
        if body in self._positions:
            return
        start = len(self.records)
        count = sum(1 for _ in cut_export(body))
        self._positions[body] = tuple(
            Position(index, hashlib.sha256(index.to_bytes(8)).digest()) for index in range(start, start + count)
        )
        async with self._arrived:
            self.kept.append(body)
            self._arrived.notify_all()


@asynccontextmanager
async def fake_sidecar() -> AsyncIterator[FakeSidecar]:
    """A sidecar on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cs-"))
    sidecar = FakeSidecar(str(folder / "e.sock"))
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(sidecar.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(accept, sidecar.path, limit=1 << 22)
    try:
        yield sidecar
    finally:
        server.close()
        sidecar.resume()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        shutil.rmtree(folder)


def _reply(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
