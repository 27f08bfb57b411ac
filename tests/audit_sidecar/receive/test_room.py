# SPDX-License-Identifier: Apache-2.0
"""Bytes that are being received are bounded over all senders, and no sender can hold on for ever."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from audit_sidecar.listeners import Applications, Speaks, listening, server_of
from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_grpc import EXPORT, READS_AT_ONCE
from audit_sidecar.receive.otlp_http import OtlpReceiver
from audit_sidecar.receive.room import NoRoom, Room
from audit_sidecar.sequence.sequencer import Bounds, Sequencer
from audit_sidecar.sequence.writer_thread import WriterThread
from contracts.address import Address
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, foreign
from tests.audit_sidecar.receive.grpc_listener import grpc_listening, request_of
from tests.end_to_end.living import Living, Process, await_true

BODY = request_of(foreign(1))
HEAD = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"


def test_room_is_counted_and_given_back() -> None:
    """Two exports share the bound; what one held is free when it is answered, also after an error."""
    room = Room(10)
    with room.hold() as one:
        one.take(6)
        with room.hold() as other:
            other.take(4)
            with pytest.raises(NoRoom, match="10 of 10"):
                other.take(1)
        assert room.used == 6
    assert room.used == 0


def test_an_export_alone_always_has_room() -> None:
    """A bound below the largest export delays it, and never refuses it for good."""
    room = Room(10)
    with room.hold() as alone:
        alone.take(50)
        alone.take(50)
        with pytest.raises(NoRoom), room.hold() as other:
            other.take(1)


@asynccontextmanager
async def _serving(log: Log, room: Room) -> AsyncIterator[int]:
    """The HTTP receiver behind the server that a sidecar has; its port."""
    with WriterThread("test") as thread, listening(Speaks.OTLP_HTTP, Address("127.0.0.1", 0), None) as listener:
        sequencer = Sequencer(log.committer, Bounds(), thread)
        edge = Edge("http", "local")
        applications = Applications(
            None,
            lambda edge: OtlpReceiver(sequencer, ORIGIN, edge, log.metrics, room),
            lambda _: pytest.fail("no gRPC"),
        )
        server = server_of(listener, edge, applications)
        tasks = [asyncio.create_task(sequencer.run()), asyncio.create_task(server.serve())]
        try:
            yield server.address.port
        finally:
            server.close()
            await tasks[1]
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (what happens in between is the other side of a socket)
            await asyncio.sleep(0)


async def _exchange(port: int, *parts: bytes) -> bytes:
    """Send parts, then read until the server closes or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    try:
        return await asyncio.wait_for(reader.read(4096), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_sender_without_room_is_told_to_come_again(log: Log) -> None:
    """While one export fills the room another is refused at its first byte too many; then there is room again."""
    room = Room(1000)
    async with _serving(log, room) as port:
        _, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(HEAD + b"content-length: 2000\r\n\r\n" + bytes(990))
        await _until(lambda: room.used == 990)
        whole = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
        refused = await _exchange(port, whole)
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"990 of 1000 bytes" in refused
        first.close()
        await _until(lambda: room.used == 0)
        assert (await _exchange(port, whole)).startswith(b"HTTP/1.1 200")


async def test_what_a_small_body_inflates_to_counts(log: Log) -> None:
    """gzip is no way round the bound."""
    room = Room(100_000)
    large = gzip.compress(b"\n" + bytes(200_000))
    async with _serving(log, room) as port:
        with room.hold() as other:
            other.take(1)
            head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(large)
            assert (await _exchange(port, head + large)).startswith(b"HTTP/1.1 503")
        assert room.used == 0


async def _stalling() -> AsyncIterator[bytes]:
    yield BODY
    await asyncio.Event().wait()


async def test_grpc_gives_up_a_call_that_does_not_end(log: Log) -> None:
    """More of them than are read at once hold up nobody for longer than the patience; each is UNAVAILABLE."""
    room = Room()
    async with grpc_listening(log, Edge("grpc", "local", patience=0.2), room=room) as listening_there:
        export: Any = listening_there.channel.stream_unary(EXPORT)
        stalled = [export(_stalling(), timeout=20) for _ in range(READS_AT_ONCE + 4)]
        for call in stalled:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await listening_there.send(BODY) == b""
        assert room.used == 0
    assert log.kinds() == ["release", "span"]


@pytest.mark.parametrize("compressed", [False, True])
async def test_grpc_without_room_is_unavailable(log: Log, compressed: bool) -> None:
    """The room is one for all listeners; a message that finds none may come again."""
    room = Room(100_000)
    async with grpc_listening(log, Edge("grpc", "local"), room=room) as listening_there:
        with room.hold() as other:
            other.take(1)
            error = await listening_there.refused(b"\n" + bytes(200_000), gzip=compressed)
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "google.rpc.retryinfo-bin" in dict(error.trailing_metadata() or ())
        assert room.used == 0


def test_memory_stays_bounded_whoever_sends(tmp_path: Path) -> None:
    """Sixty senders that never finish, 8 MiB each, take a real sidecar no further than its room; then it serves on."""
    stack = Living(tmp_path)
    program = stack.stack.sidecar()
    program = program._replace(arguments=[*program.arguments, "--otlp-http", f"unix:{tmp_path}/open.sock"])
    environment = {"COUNTERSIGN_RECEIVE__OPEN_BYTES": str(32 << 20)}
    stack.sidecar = Process(program, tmp_path / "sidecar.log", environment)
    senders: list[socket.socket] = []
    try:
        stack.sidecar.start()
        before = _peak(stack.sidecar)
        for _ in range(60):
            sender = socket.socket(socket.AF_UNIX)
            sender.settimeout(5)
            sender.connect(f"{tmp_path}/open.sock")
            senders.append(sender)
            try:
                sender.sendall(HEAD + b"content-length: 16777216\r\n\r\n" + bytes(8 << 20))
            except (ConnectionError, TimeoutError):
                continue
        grown = _peak(stack.sidecar) - before
        assert 24 << 20 < grown < 96 << 20, f"{grown >> 20} MiB"
        for sender in senders:
            sender.close()
        stack.service.start()
        await_true(lambda: stack.sidecar.is_ready(), "serves on")
        stack.stop()
    finally:
        for sender in senders:
            sender.close()
        stack.end()
    assert stack.fsck().returncode == 0


def _peak(process: Process) -> int:
    """Most memory that a process ever had, in bytes."""
    assert process.popen is not None
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10
