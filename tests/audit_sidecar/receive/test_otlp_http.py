# SPDX-License-Identifier: Apache-2.0
"""OTLP/HTTP as its specification has it, and all or nothing, over the application itself."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from audit_sidecar.errors import Fatal, Pushback, StoreRefused
from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_http import JSON, PROTOBUF
from audit_sidecar.sequence.sequencer import Bounds
from contracts.acknowledgement import decode_acknowledgement
from contracts.errors import SettingInvalid
from contracts.tokens import TokenTable, load_tokens, token_hash
from contracts.wire import bytes_field, varint_field
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger
from tests.audit_sidecar.receive.receiving import UNIX, client, post, receiver, refusal, request_of

OURS = Producer()
OPENING = request_of(OURS.export(0, 1))
SMALL = Edge("unix", "unix", body_limit=1000)


async def test_an_export_is_acknowledged_with_its_places(log: Log) -> None:
    """Whoever asks for it gets origin, index and hash of every span in order; a repeat gets the same."""
    async with client(log) as asking:
        first = await post(asking, OPENING, countersign_ack="1")
        again = await post(asking, OPENING, countersign_ack="1")
    assert (first.status_code, first.headers["content-type"]) == (200, PROTOBUF)
    assert first.content == again.content
    acknowledgement = decode_acknowledgement(first.content)
    assert acknowledgement.log == ORIGIN
    assert [position.leaf_index for position in acknowledgement.positions] == [1, 2]
    assert [position.leaf_hash for position in acknowledgement.positions] == log.reader.leaf_hashes(1, 3)
    assert ExportTraceServiceResponse.FromString(first.content) is not None
    assert log.kinds() == ["release", "release", "prediction"]


@pytest.mark.parametrize("header", [{}, {"countersign_ack": "0"}, {"countersign_ack": "true"}, {"countersign_ack": ""}])
async def test_others_get_the_empty_body(log: Log, header: dict[str, str]) -> None:
    """A stock sender sees plain success: partial_success is unset."""
    async with client(log) as asking:
        response = await post(asking, OPENING, **header)
    assert (response.status_code, response.content) == (200, b"")


async def test_an_empty_export_succeeds(log: Log) -> None:
    """In both encodings, compressed or not, and an acknowledgement of nothing names the log."""
    async with client(log) as asking:
        assert (await post(asking, b"")).content == b""
        assert (await post(asking, gzip.compress(b""), content_encoding="gzip")).status_code == 200
        answer = await post(asking, b"{}", JSON)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"{}", JSON)
        assert decode_acknowledgement((await post(asking, b"", countersign_ack="1")).content).positions == ()
    assert log.reader.frontier().size == 1


@pytest.mark.parametrize(
    "media_type",
    [PROTOBUF, f"{PROTOBUF}; charset=utf-8", "Application/X-Protobuf", f"{PROTOBUF} ;messageType=x", f" {PROTOBUF}"],
)
async def test_media_types_take_parameters(log: Log, media_type: str) -> None:
    """And any case; the answer has the plain type."""
    async with client(log) as asking:
        response = await post(asking, OPENING, media_type)
    assert (response.status_code, response.headers["content-type"]) == (200, PROTOBUF)


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/protobuf", "application/jsonl", "x"])
async def test_other_media_types_are_unsupported(log: Log, media_type: str) -> None:
    """415, said in protobuf, the default of OTLP/HTTP."""
    async with client(log) as asking:
        response = await post(asking, OPENING, media_type)
        without = await asking.post("/v1/traces", content=OPENING)
    assert (response.status_code, without.status_code) == (415, 415)
    assert PROTOBUF in refusal(response).message


@pytest.mark.parametrize("path", ["/", "/v1/logs", "/v1/metrics", "/v1/traces/", "/V1/traces", "//v1/traces", "/v1"])
async def test_other_routes_are_not_there(log: Log, path: str) -> None:
    """404 whatever the method; nothing is redirected."""
    async with client(log) as asking:
        for method in ("GET", "POST"):
            response = await asking.request(method, f"http://sidecar{path}", headers={"content-type": PROTOBUF})
            assert response.status_code == 404
            assert refusal(response).code == 5


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_an_export_is_a_post(log: Log, method: str) -> None:
    """405 with the method that is allowed."""
    async with client(log) as asking:
        response = await asking.request(method, "/v1/traces", headers={"content-type": PROTOBUF})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip ", "identity", ""])
async def test_gzip_and_none_are_taken(log: Log, encoding: str) -> None:
    """What was compressed is kept as it was before."""
    body = gzip.compress(OPENING) if "gzip" in encoding.lower() else OPENING
    async with client(log) as asking:
        assert (await post(asking, body, content_encoding=encoding)).status_code == 200
    assert [record.payload for record in log.records()[1:]] == list(OURS.export(0, 1).payloads)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "br", "gzip, gzip", "x" * 500])
async def test_other_encodings_are_unsupported(log: Log, encoding: str) -> None:
    """415 with the encodings there are."""
    async with client(log) as asking:
        response = await post(asking, OPENING, content_encoding=encoding)
    assert (response.status_code, "gzip" in refusal(response).message) == (415, True)


WHOLE = gzip.compress(OPENING, mtime=0)


@pytest.mark.parametrize(
    "body", [b"", b"x", OPENING, WHOLE[:-1], WHOLE[:20], WHOLE + b"x", WHOLE * 2, zlib.compress(OPENING)]
)
async def test_what_is_not_one_gzip_stream_is_refused(log: Log, body: bytes) -> None:
    """Cut, followed by something, or not gzip at all."""
    async with client(log) as asking:
        response = await post(asking, body, content_encoding="gzip")
    assert response.status_code == 400
    assert log.reader.frontier().size == 1


async def test_the_limit_holds_before_and_after_decompression(log: Log) -> None:
    """A bomb is cut off at the bound; exactly the bound passes; the refusal is 413, not to be sent again."""
    exact = request_of(stranger(foreign(1, "x" * 920)))
    exact = request_of(stranger(foreign(1, "x" * (920 + 1000 - len(exact)))))
    assert len(exact) == 1000
    over = request_of(stranger(foreign(2, "x" * 921)))
    over = request_of(stranger(foreign(2, "x" * (921 + 1001 - len(over)))))
    bomb = gzip.compress(bytes(50_000_000))
    async with client(log, SMALL) as asking:
        assert (await post(asking, exact)).status_code == 200
        assert (await post(asking, gzip.compress(exact), content_encoding="gzip")).status_code == 200
        for body in (over, gzip.compress(over), bomb[:900], bomb):
            response = await post(asking, body, content_encoding="" if body is over else "gzip")
            assert (response.status_code, refusal(response).code) == (413, 8)
            assert "retry-after" not in response.headers
        response = await post(asking, b" " * 1001, JSON)
        assert (response.status_code, response.headers["content-type"]) == (413, JSON)
    assert log.reader.frontier().size == 2


@pytest.mark.parametrize(
    "body",
    [
        b"\xff", b"\x0a\x05abc", bytes_field(1, b"\xff"), varint_field(1, 5), b"not protobuf",
        bytes_field(1, bytes_field(2, bytes_field(2, bytes_field(5, b"\xff")))),
        request_of(stranger(foreign(1)))[:-1],
    ],
)  # fmt: skip
async def test_what_is_no_export_is_refused(log: Log, body: bytes) -> None:
    """400 as google.rpc.Status in protobuf, without Retry-After, and nothing is kept."""
    async with client(log) as asking:
        response = await post(asking, body)
    assert (response.status_code, refusal(response).code) == (400, 3)
    assert "retry-after" not in response.headers
    assert log.reader.frontier().size == 1


async def test_one_bad_span_refuses_the_export_whole(log: Log) -> None:
    """Never partial success, which stock senders take for success."""
    async with client(log) as asking:
        response = await post(asking, request_of(OURS.send(OURS.record(0), OURS.record(1), OURS.record(2, "gap"))))
        assert response.status_code == 400
        assert "sidecar alone" in refusal(response).message
        assert log.kinds() == ["release"]
        assert (await post(asking, OPENING)).status_code == 200


async def test_unknown_fields_are_ignored(log: Log) -> None:
    """In the request and around a span; inside a span they are part of the evidence."""
    span = OURS.record(0).span + bytes_field(999, b"new")
    payload = OURS.record(0)._replace(span=span)
    body = bytes_field(900, b"x") + request_of(OURS.send(payload)) + varint_field(901, 7)
    async with client(log) as asking:
        assert (await post(asking, body)).status_code == 200
    assert log.records()[1].payload == payload


async def test_concatenated_requests_are_one(log: Log) -> None:
    """As protobuf merges them; both are kept, in order."""
    async with client(log) as asking:
        assert (await post(asking, OPENING + request_of(OURS.export(2)))).status_code == 200
    assert [record.leaf.seq for record in log.records()] == [0, 0, 1, 2]


@pytest.mark.parametrize("error", [Pushback("the store is full"), Fatal("unknown"), StoreRefused("cannot read")])
@pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
async def test_a_store_that_fails_is_503_never_500(
    log: Log, monkeypatch: pytest.MonkeyPatch, error: Exception, media_type: str
) -> None:
    """With Retry-After and a Status in the sender's encoding: it may be sent again."""

    def commit(_: object) -> None:
        raise error

    monkeypatch.setattr(log.committer, "commit", commit)
    body = OPENING if media_type == PROTOBUF else json.dumps(JSON_EXPORT).encode()
    async with client(log) as asking:
        response = await post(asking, body, media_type)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.headers["content-type"] == media_type
    assert refusal(response).code == 14


JSON_EXPORT = {
    "resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8, "name": "x"}]}]}]
}


async def test_a_full_queue_is_503(log: Log) -> None:
    """Before anything is planned."""
    async with client(log, bounds=Bounds(queue_records=0)) as asking:
        response = await post(asking, OPENING)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_a_sender_that_leaves_in_the_middle_leaves_nothing(log: Log) -> None:
    """Half a request is no request."""
    messages: Iterator[dict[str, object]] = iter(
        [{"type": "http.request", "body": OPENING, "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/traces",
             "headers": [(b"content-type", PROTOBUF.encode())]}  # fmt: skip
    async with receiver(log) as app:
        await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert log.reader.frontier().size == 1


async def test_what_came_and_went_is_counted(log: Log) -> None:
    """Received by transport; acknowledged, repeats included; refused by reason."""
    async with client(log) as asking:
        await post(asking, OPENING)
        await post(asking, OPENING)
        await post(asking, request_of(OURS.send(OURS.record(2, "gap"))))
        await post(asking, b"not protobuf")
    value = log.metrics.registry.get_sample_value
    assert value("countersign_audit_records_received_total", {"transport": "unix"}) == 5
    assert value("countersign_audit_records_acknowledged_total") == 4
    assert value("countersign_audit_records_rejected_total", {"reason": "refused"}) == 1
    assert value("countersign_audit_exports_refused_total", {"code": "invalid_argument"}) == 2
    assert value("countersign_audit_duplicates_total") == 2


def tokens(tmp_path: Path) -> TokenTable:
    """A producer, an auditor, and a producer whose token has expired."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    entries = [("svc", ["producer", "consumer"], "right", ""), ("eve", ["auditor"], "wrong", ""),
               ("old", ["producer"], "late", f"expires = {yesterday}\n")]  # fmt: skip
    text = "".join(
        f'[[token]]\nname = "{name}"\nroles = {json.dumps(roles)}\nsha256 = "{token_hash(secret).hex()}"\n{rest}'
        for name, roles, secret, rest in entries
    )
    (tmp_path / "tokens.toml").write_text(text)
    return load_tokens(tmp_path / "tokens.toml")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer unknown", 401), ("Bearer late", 401), ("Basic right", 401), ("right", 401), ("Bearer", 401), ("", 401),
     ("Bearer wrong", 403), ("Bearer ünknown", 401)],
)  # fmt: skip
async def test_a_wrong_token_is_refused(log: Log, tmp_path: Path, authorization: str, status: int) -> None:
    """Unknown, expired, of another scheme, or of another role: nothing of the export is kept."""
    async with client(log, Edge("http", None, tokens(tmp_path))) as asking:
        response = await asking.post(
            "/v1/traces", content=OPENING,
            headers=[(b"content-type", PROTOBUF.encode()), (b"authorization", authorization.encode("latin-1"))],
        )  # fmt: skip
    assert response.status_code == status
    assert refusal(response).code == {401: 16, 403: 7}[status]
    assert log.reader.frontier().size == 1


async def test_the_producers_name_is_its_tokens(log: Log, tmp_path: Path) -> None:
    """The stream belongs to it; the same stream from elsewhere is a stranger's."""
    async with client(log, Edge("http", None, tokens(tmp_path))) as asking:
        assert (await post(asking, OPENING, authorization="bearer right")).status_code == 200
    async with client(log, UNIX) as asking:
        assert (await post(asking, request_of(OURS.export(2)))).status_code == 200
    state = log.reader.stream(OURS.stream)
    assert state is not None
    assert (state.producer, state.next_seq) == ("svc", 2)
    assert log.kinds() == ["release", "release", "prediction", "span"]


@pytest.mark.parametrize("table", [True, False])
async def test_without_a_token_one_is_a_stranger(log: Log, tmp_path: Path, table: bool) -> None:
    """Every span becomes a foreign one, whatever it says of itself, and moves no stream."""
    async with client(log, Edge("http", None, tokens(tmp_path) if table else None)) as asking:
        assert (await post(asking, OPENING)).status_code == 200
    assert log.kinds() == ["release", "span", "span"]
    assert log.reader.stream(OURS.stream) is None


@pytest.mark.parametrize("name", ["sidecar", "unix", "local"])
def test_no_token_takes_the_name_of_a_producer_without_one(tmp_path: Path, name: str) -> None:
    """A token called sidecar could write the sidecar's own records."""
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[token]]\nname = "{name}"\nroles = ["producer"]\nsha256 = "{"0" * 64}"\n')
    with pytest.raises(SettingInvalid, match="is taken"):
        load_tokens(path)


async def test_an_error_message_is_bounded(log: Log) -> None:
    """A sender cannot have its own megabytes sent back."""
    body = json.dumps({"resourceSpans": [{"resource": {"attributes": [{"key": 1, "x": "y" * 100_000}]}}]}).encode()
    async with client(log) as asking:
        response = await post(asking, body, JSON)
        path = await asking.post("/" + "a" * 10_000)
    assert response.status_code == 400
    assert len(response.content) < 5000
    assert len(path.content) < 1000


async def test_many_connections_at_once(log: Log) -> None:
    """Any order of answers; every stream is whole."""
    producers = [Producer(number) for number in range(1, 21)]

    async def run(asking: httpx.AsyncClient, producer: Producer) -> None:
        for seq in range(4):
            assert (await post(asking, request_of(producer.export(seq)))).status_code == 200

    async with client(log) as asking:
        await asyncio.gather(*(run(asking, producer) for producer in producers))
    await log.publish()
    assert log.reader.frontier().size == 81
    assert not any(log.reader.gaps(producer.stream) for producer in producers)
