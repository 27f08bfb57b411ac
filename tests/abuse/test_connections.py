# SPDX-License-Identifier: Apache-2.0
"""Connections that are slow, endless, malformed or very many, on every listener."""

import contextlib
import socket

import pytest

from tests.abuse.fortress import Fortress, bearer, raw
from tests.end_to_end.living import LOYAL

LISTENERS = ("service", "metrics", "audit", "otlp")
every_listener = pytest.mark.parametrize("listener", LISTENERS)
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@every_listener
@pytest.mark.parametrize(
    "data",
    [
        GET + b"X: " + b"a" * (4 << 20) + b"\r\n\r\n",
        GET + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\n",
        b"GET /" + b"a" * (4 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: " + b"a" * (1 << 20) + b"\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * (1 << 20) + b"\r\nx\r\n0\r\n\r\n",
    ],
    ids=["one header", "many headers", "request line", "trailer", "chunk extension"],
)
def test_endless_heads_are_cut_off(fort: Fortress, listener: str, data: bytes) -> None:
    """Headers, request line, trailers and chunk extensions are bounded: 431, or closed after an early answer."""
    statuses = raw(fort.ports[listener], data)
    assert all(status in (400, 401, 404, 405, 415, 431) for status in statuses), statuses


MALFORMED = {
    "two lengths": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST /predict HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "length in other digits": "POST /predict HTTP/1.1\r\nContent-Length: ²\r\n\r\n".encode(),
    "bad chunk": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "huge chunk": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "unknown coding": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "NUL in a header": GET + b"X: a\0b\r\n\r\n",
    "bare newline": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "folded header": GET + b"X: a\r\n b\r\n\r\n",
    "header without a colon": GET + b"nonsense\r\n\r\n",
    "space before the colon": GET + b"Host : x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c2010000be0303") + bytes(200),
    "no HTTP": b"\x00\xff" * 500,
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "spaces in the path": b"GET / / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@every_listener
@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_http_is_refused(fort: Fortress, listener: str, case: str) -> None:
    """400 and closed, or closed; never an answer to something else, never an error of ours."""
    statuses = raw(fort.ports[listener], MALFORMED[case], half_close=True)
    # A bare newline and old versions may be understood; then the route decides.
    assert all(status in (200, 400, 401, 404, 405, 413, 415, 501, 505) for status in statuses), statuses


@every_listener
@pytest.mark.parametrize("method", ["FOO", "TRACE", "CONNECT", "OPTIONS", "HEAD", "DELETE", "PUT", "PATCH", "get"])
@pytest.mark.parametrize("target", ["/", "/predict", "/v1/traces", "*", "http://other/predict", "/metrics", "x:443"])
def test_unknown_methods_and_targets(fort: Fortress, listener: str, method: str, target: str) -> None:
    """Each has its refusal; no method but POST reaches a prediction or an export."""
    request = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
    for status in raw(fort.ports[listener], request):
        assert status < 500, status
        assert status != 200 or target == "/metrics" or (listener == "audit" and target == "/"), status


@every_listener
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_upgrades_are_passed_over(fort: Fortress, listener: str, protocol: bytes) -> None:
    """No listener speaks anything but HTTP/1.1."""
    upgrade = (
        b"Connection: Upgrade, close\r\nUpgrade: " + protocol + b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    statuses = raw(fort.ports[listener], GET + upgrade + b"Sec-WebSocket-Version: 13\r\n\r\n", half_close=True)
    assert all(status in (200, 400, 404) for status in statuses), statuses


@every_listener
def test_pipelined_requests_are_each_answered(fort: Fortress, listener: str) -> None:
    """A hundred at once, answered in order on one connection."""
    statuses = raw(fort.ports[listener], (GET + b"\r\n") * 100 + GET + b"Connection: close\r\n\r\n")
    assert len(statuses) == 101
    assert set(statuses) <= {200, 404}


@every_listener
def test_half_a_request_then_silence_or_leave(fort: Fortress, listener: str) -> None:
    """A sender that closes its half in the middle gets nothing, or a refusal."""
    for part in (b"", b"G", GET, b"POST /predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        assert all(status < 500 for status in raw(fort.ports[listener], part, half_close=True))


def test_chunked_bodies_need_no_length(fort: Fortress) -> None:
    """A body in one-byte chunks is a body."""
    body = b'{"customer_id":"C","tenure_months":1,"monthly_charges":1,"total_charges":1,"num_complaints":1}'
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    token = b"Authorization: " + bearer("consumer")["Authorization"].encode() + b"\r\n\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in body) + b"0\r\n\r\n"
    assert raw(fort.ports["service"], head + token + chunks) == [200]


def test_hundreds_of_slow_connections_hold_nobody_up(fort: Fortress) -> None:
    """With 300 half-sent requests on each listener, a caller is answered; a patient server is not a stuck one."""
    with contextlib.ExitStack() as held:
        for port in fort.ports.values():
            for number in range(300):
                connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=15))
                connection.sendall(
                    [b"", b"G", GET, b"POST /v1/traces HTTP/1.1\r\nContent-Length: 9999\r\n\r\nx"][number % 4]
                )
        for _ in range(5):
            assert fort.predict(LOYAL, **bearer("consumer")).status == 200
        assert fort.audit("/readyz").status == 200


def test_many_large_bodies_at_once_are_bounded(fort: Fortress) -> None:
    """Twelve exports of 60 MiB, all but their last byte: beyond the bound connections are closed, with 503 if read."""
    piece = bytes(1 << 20)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n"
    cut_off = 0
    with contextlib.ExitStack() as held:
        for _ in range(12):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", fort.otlp_port), timeout=15))
            try:
                connection.sendall(head % (60 << 20))
                for _ in range(59):
                    connection.sendall(piece)
            except OSError:
                cut_off += 1
        assert fort.audit("/readyz").status == 200
        assert fort.predict(LOYAL, **bearer("consumer")).status == 200
    assert cut_off >= 8
