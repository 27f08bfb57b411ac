# SPDX-License-Identifier: Apache-2.0
"""The short way from the parser to the answer, over real sockets: who takes it, and that nobody notices."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn

from contracts import semconv
from contracts.address import Address, bind, bound_port
from contracts.http_limits import limited_http
from contracts.prediction import from_span
from service.model.model import Model
from service.web.app import build_main_port
from service.web.predict_http import predict_http
from tests.asgi_server import serving
from tests.service.fake_sidecar import STALL, FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import LINEAR_CARD, ROW, write_linear_bundle

BODY = json.dumps(ROW).encode()


class Listening(NamedTuple):
    """``through`` holds the path of every request that went through the ASGI application."""

    port: int
    through: list[str]
    server: uvicorn.Server

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def listening(service: Service) -> AsyncIterator[Listening]:
    main = build_main_port(service.parts)
    assert main.turns is not None
    through: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        through.append(scope["path"])
        await main.app(scope, receive, send)

    http = predict_http(limited_http(), main.turns, service.parts.max_body)
    listener = bind(Address("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=http, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=False,
    )  # fmt: skip
    async with serving(config, listener) as server:
        yield Listening(bound_port(listener), through, server)


@pytest.fixture
async def listener(service: Service) -> AsyncIterator[Listening]:
    async with listening(service) as found:
        yield found


def request(body: bytes = BODY, target: str = "/predict", version: str = "1.1", *headers: str) -> bytes:
    lines = [f"POST {target} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Answer(NamedTuple):
    """One response; its body is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


async def answer_from(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        return Answer(status, headers, json.loads(await reader.readexactly(int(headers["content-length"]))))


async def answers(port: int, data: bytes, count: int = 1) -> list[Answer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return [await answer_from(reader) for _ in range(count)]
    finally:
        writer.close()


async def test_ordinary_prediction_takes_the_short_way(
    listener: Listening, service: Service, sidecar: FakeSidecar
) -> None:
    """Same answer, same record, same count as through the application."""
    async with httpx.AsyncClient(base_url=listener.url) as client:
        short = await client.post("/predict", json=ROW, headers={"x-request-id": "order-7"})
        again = await client.post("/predict", json=ROW)
        assert listener.through == []
        long = await client.post("/predict/", json=ROW)
        metrics = (await client.get("/metrics", headers={"accept": "application/openmetrics-text"})).text
    assert listener.through == ["/predict/", "/metrics"]
    for answer in (again, long):
        assert answer.status_code == short.status_code == 200
        assert list(answer.json()) == list(short.json())
        assert dict(answer.headers).keys() == dict(short.headers).keys()
    await service.closed()
    assert sidecar.kinds() == ["release", "heartbeat", *["prediction"] * 3, "end"]
    assert from_span(sidecar.records[2].span).client_request_id == "order-7"
    assert short.json()["evidence"]["index"] == 2
    assert 'countersign_requests_total{code="200",method="POST",route="/predict"} 3.0' in metrics
    assert "countersign_inflight_requests 1.0" in metrics  # the one that asks


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request(BODY, "/predict?x=1"), id="query"),
        pytest.param(request(BODY, "http://x/predict"), id="absolute target"),
        pytest.param(request(BODY, "/%70redict"), id="quoted target"),
        pytest.param(request(BODY, "/predict", "1.0"), id="HTTP/1.0"),
        pytest.param(request(BODY, "/predict", "1.1", "Connection: close"), id="last request"),
        pytest.param(request(BODY + b" " * (16 << 10)), id="long body"),
        pytest.param(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (len(BODY), BODY),
            id="chunked",
        ),
    ],
)
async def test_anything_else_goes_through_the_application(listener: Listening, data: bytes) -> None:
    """With the same answer."""
    (answer,) = await answers(listener.port, data)
    assert answer.status == 200
    assert answer.body["evidence"]["index"] == 2
    assert len(listener.through) == 1


async def test_caller_who_waits_for_100_is_told(listener: Listening) -> None:
    """Before the body is sent."""
    head, body = request(BODY, "/predict", "1.1", "Expect: 100-continue").split(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(head + b"\r\n\r\n")
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await answer_from(reader)).status == 200
    writer.close()


async def test_body_may_come_byte_by_byte(listener: Listening) -> None:
    """The answer is made when the request is whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    for byte in request():
        writer.write(bytes((byte,)))
        await writer.drain()
    assert (await answer_from(reader)).status == 200
    assert listener.through == []
    writer.close()


async def test_pipelined_requests_are_answered_in_order(listener: Listening, service: Service) -> None:
    """Whichever way each of them takes, and the bad among the good."""
    get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    found = await answers(listener.port, request() + get + request(b"{") + request() + get, 5)
    assert [answer.status for answer in found] == [200, 200, 400, 200, 200]
    assert [answer.body["evidence"]["index"] for answer in (found[0], found[3])] == [2, 4]
    assert found[1].body == found[4].body == {"status": "ok", "model_version": "1.0.0"}
    assert service.parts.metrics.inflight == 0


async def test_many_at_once_get_their_own_answers(listener: Listening, service: Service, sidecar: FakeSidecar) -> None:
    """Each of a hundred callers gets the record of its own request, the bad ones their own refusal."""
    rows = [ROW | {"customer_id": f"C-{n}", "num_complaints": n if n % 10 else "many"} for n in range(1, 101)]
    data = [request(json.dumps(row).encode()) for row in rows]
    found = await asyncio.gather(*(answers(listener.port, each) for each in data))
    await service.closed()
    assert listener.through == []
    for row, (answer,) in zip(rows, found, strict=True):
        if row["num_complaints"] == "many":
            assert (answer.status, answer.body["field"]) == (422, "$.num_complaints")
            assert answer.headers["content-type"] == "application/problem+json"
            continue
        assert (answer.status, answer.body["customer_id"]) == (200, row["customer_id"])
        event = from_span(sidecar.records[answer.body["evidence"]["index"]].span)
        assert json.loads(event.input)["num_complaints"] == row["num_complaints"]
    assert [record.sequence for record in sidecar.records] == list(range(len(sidecar.records)))
    assert sidecar.kinds().count("reject") == 10


async def test_row_that_breaks_the_model_breaks_nobody_else(
    listener: Listening, service: Service, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller alone gets a 500, with an error record."""
    plain = Model.predict

    def predict(model: Model, rows: Any) -> Any:
        if any(row[3] == 13 for row in rows):
            raise LookupError("secret")
        return plain(model, rows)

    monkeypatch.setattr(Model, "predict", predict)
    data = [request(json.dumps(ROW | {"num_complaints": n}).encode()) for n in range(10, 16)]
    found = await asyncio.gather(*(answers(listener.port, each) for each in data))
    await service.closed()
    assert [answer.status for (answer,) in found] == [200, 200, 200, 500, 200, 200]
    (error,) = [record for record in sidecar.records if record.kind == "error"]
    assert error.span.attributes[semconv.ERROR_TYPE] == "LookupError"


async def test_body_over_the_limit(bundle: Path, sidecar: FakeSidecar) -> None:
    """The listener's limit holds on the short way, too; a body just within it is no matter."""
    async with running(bundle, sidecar, max_body=len(BODY)) as service, listening(service) as listener:
        assert [answer.status for answer in await answers(listener.port, request())] == [200]
        assert [answer.status for answer in await answers(listener.port, request(BODY + b" "))] == [413]


async def test_unknown_caller_is_refused(bundle: Path, sidecar: FakeSidecar, tmp_path: Path) -> None:
    """With the header that says what is missing, and the connection stays open."""
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("")
    async with running(bundle, sidecar, tokens=str(tokens)) as service, listening(service) as listener:
        found = await answers(listener.port, request() * 2, 2)
    assert [answer.status for answer in found] == [401, 401]
    assert found[0].headers["www-authenticate"] == "Bearer"
    assert "connection" not in found[0].headers


async def test_warning_of_an_overdue_card_comes_both_ways(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """With the same headers beside it."""
    bundle = write_linear_bundle(tmp_path / "due", LINEAR_CARD.replace("2999-05-01", "2020-05-01"))
    async with running(bundle, sidecar) as service, listening(service) as listener:
        found = await answers(listener.port, request() + request(BODY, "/predict?x=1"), 2)
    assert listener.through == ["/predict"]
    for answer in found:
        assert answer.status == 200
        assert answer.headers["countersign-warning"] == 'card-review-overdue;due="2020-05-01"'
        assert answer.headers["content-type"] == "application/json"


async def test_withheld_answer_says_when_to_come_again(bundle: Path, sidecar: FakeSidecar) -> None:
    """503 at the deadline, and a record that says so."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service, listening(service) as listener:
        sidecar.script.append(STALL)
        (answer,) = await answers(listener.port, request())
        sidecar.resume()
        await sidecar.kept_kind("withheld")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.body["request_id"]


async def test_caller_who_hangs_up_leaves_a_record(listener: Listening, service: Service, sidecar: FakeSidecar) -> None:
    """The prediction was made, so it is kept; nothing waits for the caller, and others are answered."""
    sidecar.script.append(STALL)
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(request())
    await sidecar.received(2)
    writer.transport.abort()
    sidecar.resume()
    await sidecar.kept_kind("prediction")
    assert [answer.status for answer in await answers(listener.port, request())] == [200]
    assert service.parts.metrics.inflight == 0


async def test_drain_lets_requests_finish(listener: Listening, sidecar: FakeSidecar) -> None:
    """The last answer of a connection says that it is the last."""
    sidecar.script.append(STALL)
    asked = asyncio.create_task(answers(listener.port, request()))
    await sidecar.received(2)
    await asyncio.gather(listener.server.shutdown(), _later(sidecar))
    (answer,) = await asked
    assert (answer.status, answer.headers["connection"]) == (200, "close")


async def _later(sidecar: FakeSidecar) -> None:
    # `shutdown` first tells its connections and then waits for them.
    await asyncio.sleep(0)
    sidecar.resume()
