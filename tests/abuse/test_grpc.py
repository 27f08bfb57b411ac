# SPDX-License-Identifier: Apache-2.0
"""The same exports over gRPC, and what only gRPC can be sent: other methods, streams of messages, noise."""

import socket
from collections.abc import Iterator

import grpc
import pytest

from audit_sidecar.receive.otlp_grpc import EXPORT
from tests.abuse.fortress import Fortress, bearer, raw
from tests.abuse.test_exports import MIB, PROTOBUF
from tests.end_to_end.living import LOYAL

CODES = {200: grpc.StatusCode.OK, 400: grpc.StatusCode.INVALID_ARGUMENT, 413: grpc.StatusCode.RESOURCE_EXHAUSTED}


@pytest.fixture(scope="module")
def channel(fort: Fortress) -> Iterator[grpc.Channel]:
    """A stock client without limits of its own."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{fort.grpc_port}", options) as found:
        yield found


def _send(channel: grpc.Channel, body: bytes, method: str = EXPORT, **more: object) -> grpc.StatusCode:
    call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    try:
        _, done = call.with_call(body, timeout=30, **more)  # type: ignore[arg-type]
    except grpc.RpcError as error:
        return error.code()
    found = done.code()
    assert isinstance(found, grpc.StatusCode)
    return found


@pytest.mark.parametrize("case", PROTOBUF)
@pytest.mark.parametrize("packed", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["plain", "gzip"])
def test_protobuf(fort: Fortress, channel: grpc.Channel, case: str, packed: grpc.Compression) -> None:
    """Taken and refused as over HTTP, bombs included."""
    body, status = PROTOBUF[case]
    assert _send(channel, body, compression=packed) is CODES[status]
    assert fort.audit("/readyz").status == 200


@pytest.mark.parametrize("method", ["/x/y", EXPORT.lower(), EXPORT + "/", "/", EXPORT.replace("trace", "metrics")])
def test_other_methods_are_unimplemented(channel: grpc.Channel, method: str) -> None:
    """There is one method."""
    assert _send(channel, b"", method) is grpc.StatusCode.UNIMPLEMENTED


def test_tokens(channel: grpc.Channel) -> None:
    """As over HTTP: a token must be a producer's, and without one a sender is a stranger."""
    expected = {None: 200, "producer": 200} | dict.fromkeys(("unknown", "expired"), 401)
    codes = {200: grpc.StatusCode.OK, 401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}
    for caller, status in (expected | dict.fromkeys(("consumer", "auditor", "operator"), 403)).items():
        metadata = [(name.lower(), value) for name, value in bearer(caller).items()]
        assert _send(channel, b"", metadata=metadata) is codes[status], caller


def test_many_messages_are_not_one_export(channel: grpc.Channel) -> None:
    """A stream of messages to a unary method is refused after the second."""
    call = channel.stream_unary(EXPORT, request_serializer=bytes, response_deserializer=bytes)
    with pytest.raises(grpc.RpcError) as caught:
        call(iter([b""] * 1000), timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_many_large_exports_at_once(fort: Fortress) -> None:
    """Eight channels with 60 MiB each: refused or told to come again; the service answers, or does at the next try."""
    body = PROTOBUF["30 M attributes"][0]
    channels = [
        grpc.insecure_channel(
            f"127.0.0.1:{fort.grpc_port}", [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        )
        for _ in range(8)
    ]
    calls = [c.unary_unary(EXPORT, request_serializer=bytes, response_deserializer=bytes) for c in channels]
    under_way = [call.future(body, timeout=60) for call in calls]
    meanwhile = fort.predict(LOYAL, **bearer("consumer"))
    assert meanwhile.status == 200 or meanwhile.body["type"].endswith("evidence-deadline"), meanwhile
    for call in under_way:
        assert call.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    for opened in channels:
        opened.close()
    assert fort.predict(LOYAL, **bearer("consumer")).status == 200


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(MIB), b"\xff" * MIB]
)
def test_what_is_no_grpc_is_closed(fort: Fortress, channel: grpc.Channel, data: bytes) -> None:
    """HTTP/1.1, broken frames and noise get no answer, and the next sender does."""
    assert raw(fort.grpc_port, data, half_close=True) in ([], [400])
    assert _send(channel, b"") is grpc.StatusCode.OK


def test_silent_connections_hold_nobody_up(fort: Fortress, channel: grpc.Channel) -> None:
    """Three hundred that say nothing."""
    silent = [socket.create_connection(("127.0.0.1", fort.grpc_port)) for _ in range(300)]
    assert _send(channel, b"") is grpc.StatusCode.OK
    for connection in silent:
        connection.close()
