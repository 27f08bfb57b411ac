# SPDX-License-Identifier: Apache-2.0
"""OTLP/gRPC: the same bytes, the same rules and the same acknowledgement as over HTTP, in gRPC's own words."""

import asyncio
import gzip
import hashlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from audit_sidecar.fsck.store import check_store
from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_grpc import EXPORT, require_free
from contracts.acknowledgement import decode_acknowledgement
from contracts.address import Address, bind, bound_port
from contracts.errors import SettingInvalid
from contracts.payload import payload_bytes
from contracts.tokens import load_tokens
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign
from tests.audit_sidecar.receive.grpc_listener import grpc_listening, request_of

PEER = Edge("grpc", "local")
PRODUCER = Producer(name="local")


def _status(error: grpc.aio.AioRpcError) -> Status:
    """The Status that Go and Java senders read."""
    trailers = dict(error.trailing_metadata() or ())
    return Status.FromString(trailers["grpc-status-details-bin"])


def _tokens(folder: Path) -> Edge:
    """An edge at which a token of role producer makes a producer."""
    entries = [
        f'[[token]]\nname = "{role}"\nroles = ["{role}"]\nsha256 = "{hashlib.sha256(role.encode()).hexdigest()}"\n'
        for role in ("producer", "auditor")
    ]
    (folder / "tokens.toml").write_text("".join(entries))
    return Edge("grpc", None, load_tokens(folder / "tokens.toml"))


async def test_what_is_kept_is_what_was_sent_and_the_acknowledgement_says_where(log: Log) -> None:
    """A producer that asks gets the same field 1000 as over HTTP, and the stored payload is byte for byte its own."""
    payloads = [PRODUCER.record(seq) for seq in range(3)]
    async with grpc_listening(log, PEER) as listening:
        answer = await listening.send(request_of(*payloads), ("countersign-ack", "1"))
    found = decode_acknowledgement(answer)
    assert found.log == ORIGIN
    kept = [next(iter(log.reader.records(at.leaf_index, at.leaf_index + 1))) for at in found.positions]
    assert [record.leaf_hash for record in kept] == [at.leaf_hash for at in found.positions]
    assert [record.payload and payload_bytes(record.payload) for record in kept] == [*map(payload_bytes, payloads)]
    await log.publish()
    check_store(log.reader, [SIGNER.verifier])


async def test_a_stock_sender_gets_the_empty_answer(log: Log) -> None:
    """Without the asking header the answer is empty, which is full success; an empty export succeeds too."""
    async with grpc_listening(log, PEER) as listening:
        assert await listening.send(request_of(foreign(1))) == b""
        assert await listening.send(b"") == b""
    assert log.kinds() == ["release", "span"]


async def test_a_repeat_is_acknowledged_again_without_a_second_record(log: Log) -> None:
    """After a lost acknowledgement the same bytes get the same positions, whichever way they come."""
    async with grpc_listening(log, PEER) as listening:
        first = await listening.send(request_of(PRODUCER.record(0)), ("countersign-ack", "1"))
        again = await listening.send(request_of(PRODUCER.record(0)), ("countersign-ack", "1"), gzip=True)
    assert first == again
    assert log.kinds() == ["release", "release"]


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05abc", b"\x1f\x8bno gzip", gzip.compress(b"\n", mtime=0)[:-4]])
async def test_what_will_never_do_is_an_invalid_argument(log: Log, body: bytes) -> None:
    """Neither protobuf nor gzip: INVALID_ARGUMENT with a BadRequest, and nothing is kept."""
    async with grpc_listening(log, PEER) as listening:
        error = await listening.refused(body)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, violation = _status(error), BadRequest()
    assert status.code == 3
    assert status.details[0].Unpack(violation)
    assert violation.field_violations[0].description == status.message == error.details()
    assert log.kinds() == ["release"]


async def test_a_broken_stream_rule_is_an_invalid_argument(log: Log) -> None:
    """A stream that does not begin with its release is refused whole, its well-formed neighbour included."""
    async with grpc_listening(log, PEER) as listening:
        error = await listening.refused(request_of(foreign(1), PRODUCER.record(0, "prediction")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert log.kinds() == ["release"]


async def test_what_may_come_again_says_when_in_both_places(log: Log) -> None:
    """UNAVAILABLE carries RetryInfo in the Status, for Go and Java, and in a trailer of its own, for Python."""
    async with grpc_listening(log, PEER) as listening:
        listening.sequencer.close()
        error = await listening.refused(request_of(foreign(1)))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    inner, trailer = (
        RetryInfo(),
        RetryInfo.FromString(dict(error.trailing_metadata() or ())["google.rpc.retryinfo-bin"]),
    )
    assert _status(error).details[0].Unpack(inner)
    assert inner.retry_delay.seconds == trailer.retry_delay.seconds == 1


@pytest.mark.parametrize("compressed", [False, True])
async def test_too_large_is_never_worth_a_repeat(log: Log, compressed: bool) -> None:
    """Beyond the limit, as sent or inflated: RESOURCE_EXHAUSTED without RetryInfo."""
    async with grpc_listening(log, PEER._replace(body_limit=1 << 16)) as listening:
        error = await listening.refused(b"\n" + bytes(1 << 20), gzip=compressed)
        assert await listening.send(request_of(foreign(1)), gzip=compressed) == b""
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers = dict(error.trailing_metadata() or ())
    assert "google.rpc.retryinfo-bin" not in trailers
    assert b"RetryInfo" not in trailers.get("grpc-status-details-bin", b"")


async def test_tokens_decide_who_is_a_producer(log: Log, tmp_path: Path) -> None:
    """No token: a stranger. An unknown one: UNAUTHENTICATED. One of another role: PERMISSION_DENIED."""
    async with grpc_listening(log, _tokens(tmp_path)) as listening:
        record = request_of(Producer(name="producer").record(0))
        wrong = await listening.refused(record, ("authorization", "Bearer guessed"))
        denied = await listening.refused(record, ("authorization", "Bearer auditor"))
        await listening.send(record)
        assert log.kinds() == ["release", "span"]
        await listening.send(record, ("authorization", "Bearer producer"))
    assert wrong.code() is grpc.StatusCode.UNAUTHENTICATED
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    assert log.kinds() == ["release", "span", "release"]


async def test_a_second_message_in_one_call_is_refused_with_the_first(log: Log) -> None:
    """The method is unary: a caller that streams several exports has none of them kept."""

    async def two() -> AsyncIterator[bytes]:
        yield request_of(foreign(1))
        yield request_of(foreign(2))

    async with grpc_listening(log, PEER) as listening:
        call: Any = listening.channel.stream_unary(EXPORT)
        answer = call(two(), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await answer
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert log.kinds() == ["release"]


async def test_other_methods_are_unimplemented(log: Log) -> None:
    """Logs and metrics are not received, and the sender is told so for good."""
    method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    async with grpc_listening(log, PEER) as listening:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await listening.send(b"", method=method)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_under_way_is_finished_before_the_end(log: Log) -> None:
    """Draining takes no new call, and answers the one whose message is still coming."""
    closed = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield request_of(foreign(1))
        await closed.wait()

    async with grpc_listening(log, PEER) as listening:
        export: Any = listening.channel.stream_unary(EXPORT)
        call = export(slowly(), timeout=10)
        await call.wait_for_connection()
        listening.receiver.close()
        closed.set()
        assert await call == b""
    assert log.kinds() == ["release", "span"]


async def test_a_unix_socket_is_private(log: Log, tmp_path: Path) -> None:
    """Only this user can connect, and exports over it work as over TCP."""
    address = Address(path=str(tmp_path / "otlp.sock"))
    async with grpc_listening(log, Edge("unix", "unix"), address) as listening:
        assert stat.S_IMODE((tmp_path / "otlp.sock").stat().st_mode) == 0o600
        assert await listening.send(request_of(foreign(1))) == b""


def test_a_taken_address_is_refused_before_anything_starts() -> None:
    """A second program on the port is told, in one line that names the address."""
    with bind(Address("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", bound_port(taken))
        with pytest.raises(SettingInvalid, match=str(address)):
            require_free(address)
