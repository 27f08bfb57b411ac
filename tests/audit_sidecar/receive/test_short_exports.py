# SPDX-License-Identifier: Apache-2.0
"""The short way of plain exports from parser to acknowledgement, over real sockets: who takes it, and same answers."""

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

from audit_sidecar.errors import Pushback
from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_http import PROTOBUF
from audit_sidecar.receive.room import Room
from contracts.address import Address, bind, bound_port
from contracts.http_limits import limited_http
from contracts.short_http import ShortRequest
from contracts.tokens import load_tokens
from tests.asgi_server import serving
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger
from tests.audit_sidecar.receive.receiving import UNIX, receiver, request_of

OURS = Producer()
OPENING = request_of(OURS.export(0, 1))


class Listening(NamedTuple):
    """``through`` holds the path of every request that went through the ASGI application, ``open`` counts."""

    port: int
    through: list[str]
    open: Callable[[], int]


@asynccontextmanager
async def listening(log: Log, edge: Edge = UNIX, room: Room | None = None) -> AsyncIterator[Listening]:
    through: list[str] = []
    async with receiver(log, edge, room=room) as receiving:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            through.append(scope["path"])
            await receiving(scope, receive, send)

        listener = bind(Address("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=receiving.short(limited_http()), ws="none", lifespan="off", log_config=None, access_log=False
        )
        async with serving(config, listener) as server:
            yield Listening(bound_port(listener), through, lambda: len(server.server_state.connections))


def request(body: bytes, *headers: str, media_type: str = PROTOBUF, target: str = "/v1/traces") -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: x", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


async def answer_from(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        return Answer(int(head[0].split(" ")[1]), headers, await reader.readexactly(int(headers["content-length"])))


async def answers(port: int, *requests: bytes) -> list[Answer]:
    """Over one connection, each asked when the last is answered."""
    found = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for data in requests:
            writer.write(data)
            found.append(await answer_from(reader))
    finally:
        writer.close()
    return found


async def test_plain_exports_take_the_short_way_to_the_same_answer(log: Log) -> None:
    """Acknowledgement or empty body, as it was asked for; a repeat through the application is told the same."""
    asked = request(OPENING, "Countersign-Ack: 1")
    async with listening(log) as listener:
        short, plain = await answers(listener.port, asked, request(OPENING))
        assert listener.through == []
        (long,) = await answers(listener.port, request(OPENING, "Countersign-Ack: 1", "Connection: close"))
        assert listener.through == ["/v1/traces"]
    assert short.status == plain.status == long.status == 200
    assert short.body == long.body
    assert len(short.body) > 2 * 40
    assert plain.body == b""
    assert {*long.headers} == {*short.headers, "connection"}
    assert log.kinds() == ["release", "release", "prediction"]


async def test_a_pipelined_export_waits_for_the_one_before(log: Log) -> None:
    """Both are answered, in order."""
    async with listening(log) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(OPENING, "Countersign-Ack: 1") + request(OPENING) + request(b"not protobuf"))
        first, second, third = [await answer_from(reader) for _ in range(3)]
        writer.close()
    assert [first.status, second.status, third.status] == [200, 200, 400]
    assert first.body
    assert second.body == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(request(gzip.compress(OPENING), "Content-Encoding: gzip"), 200, id="gzip"),
        pytest.param(request(OPENING, "Content-Encoding: identity"), 200, id="identity"),
        pytest.param(request(OPENING, media_type=f"{PROTOBUF}; v=1"), 200, id="parameters"),
        pytest.param(request(b"{}", media_type="application/json"), 200, id="JSON"),
        pytest.param(request(OPENING, target="/v1/traces?x=1"), 200, id="query"),
        pytest.param(request(OPENING, target="/v1/logs"), 404, id="route"),
        pytest.param(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"
            b"0\r\n\r\n" % (PROTOBUF.encode(), len(OPENING), OPENING),
            200,
            id="chunked",
        ),
    ],
)
async def test_anything_else_goes_through_the_application(log: Log, data: bytes, status: int) -> None:
    """Which answers it as ever."""
    async with listening(log) as listener:
        (answer,) = await answers(listener.port, data)
        assert (answer.status, len(listener.through)) == (status, 1)


async def test_a_body_may_come_in_pieces(log: Log) -> None:
    """Also one that is longer than what the server takes for much; each is answered when it is whole."""
    body = request_of(stranger(*[foreign(number, "n" * 1000) for number in range(400)]))
    assert len(body) > 300_000
    async with listening(log) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        for byte in request(OPENING):
            writer.write(bytes((byte,)))
            await writer.drain()
        assert (await answer_from(reader)).status == 200
        writer.close()
        assert [answer.status for answer in await answers(listener.port, request(body), request(OPENING))] == [200, 200]
        assert listener.through == []
    assert log.reader.frontier().size == 1 + 2 + 400


async def test_the_limit_of_the_listener_holds(log: Log) -> None:
    """A body just within it is taken; of a longer one the application says that it is too large."""
    async with listening(log, UNIX._replace(body_limit=len(OPENING))) as listener:
        assert [answer.status for answer in await answers(listener.port, request(OPENING))] == [200]
        assert [answer.status for answer in await answers(listener.port, request(OPENING + b"\x12\x00"))] == [413]
        assert listener.through == ["/v1/traces"]


async def test_refusals_leave_the_connection_open(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is malformed, from nobody we know, or not to be kept now; the next export is acknowledged."""
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("")
    edge = Edge("http", None, load_tokens(tokens))
    async with listening(log, edge) as listener:
        unknown = request(OPENING, "Authorization: Bearer x")
        found = await answers(listener.port, request(b"not protobuf"), unknown, request(OPENING))
        assert [answer.status for answer in found] == [400, 401, 200]
        assert all(answer.headers["content-type"] == PROTOBUF for answer in found)

        def commit(_: object) -> None:
            raise Pushback("full")

        monkeypatch.setattr(log.committer, "commit", commit)
        (answer,) = await answers(listener.port, request(OPENING))
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert listener.through == []
    value = log.metrics.registry.get_sample_value
    assert value("countersign_audit_exports_refused_total", {"code": "invalid_argument"}) == 1


async def test_without_room_the_sender_is_given_up(log: Log) -> None:
    """503, and the connection is closed; once there is room, exports pass."""
    room = Room(len(OPENING))
    with room.hold() as held:
        held.take(1)
        async with listening(log, room=room) as listener:
            (answer,) = await answers(listener.port, request(OPENING))
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            held.release()
            assert [answer.status for answer in await answers(listener.port, request(OPENING))] == [200]
            assert room.used == 0


async def test_what_nobody_expected_closes_the_connection(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a 500, which a sender must not retry, or an answer that never comes."""

    def producer(*_: object) -> None:
        raise LookupError("unexpected")

    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    monkeypatch.setattr("audit_sidecar.receive.intake.Intake.producer", producer)
    async with listening(log) as listener:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await answers(listener.port, request(OPENING))
    assert [type(context["exception"]) for context in told] == [LookupError]


async def test_a_sender_that_leaves_loses_nothing(log: Log) -> None:
    """Its export was whole, so it is kept, and a repeat is told where it stands."""
    async with listening(log) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(OPENING))
        await writer.drain()
        writer.close()
        (answer,) = await answers(listener.port, request(OPENING, "Countersign-Ack: 1"))
    assert answer.status == 200
    assert log.kinds() == ["release", "release", "prediction"]


async def test_a_connection_that_is_gone_keeps_no_export(log: Log) -> None:
    """Not even until the next collection, which may be long in coming: many senders connect once, send and leave."""
    gc.collect()
    gc.disable()
    try:
        async with listening(log) as listener:
            for _ in range(3):
                assert [answer.status for answer in await answers(listener.port, request(OPENING))] == [200]
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(request(OPENING)[:-10])
            await writer.drain()
            writer.close()
            async with asyncio.timeout(10):
                while listener.open():  # noqa: ASYNC110  (the other side of a socket)
                    await asyncio.sleep(0)
            assert not [kept for kept in gc.get_objects() if isinstance(kept, ShortRequest)]
    finally:
        gc.enable()


async def test_half_an_export_takes_room_until_its_sender_leaves(log: Log) -> None:
    """Counted as it comes; nothing of it is kept."""
    room = Room(1 << 20)
    async with listening(log, room=room) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(OPENING)[:-10])
        async with asyncio.timeout(10):
            while room.used != len(OPENING) - 10:  # noqa: ASYNC110  (the other side of a socket)
                await asyncio.sleep(0)
            writer.close()
            while room.used:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert listener.through == []
    assert log.kinds() == ["release"]
