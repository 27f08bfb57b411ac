# SPDX-License-Identifier: Apache-2.0
"""Exports made to break a receiver: bombs, floods, depth, numbers out of range. 400 or 413, never an error of ours."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest

from audit_sidecar.stores.store import Search
from contracts.otlp import encode_attribute
from contracts.payload import payload_bytes
from contracts.wire import bytes_field, fixed64_field, varint
from tests.abuse.fortress import Fortress
from tests.end_to_end.living import ask, await_true

MIB = 1 << 20
IDS = bytes_field(1, b"T" * 16) + bytes_field(2, b"S" * 8)


def export(span: bytes) -> bytes:
    """An export of one span."""
    return bytes_field(1, bytes_field(2, bytes_field(2, span)))


def deep(levels: int) -> bytes:
    """An attribute of arrays in arrays."""
    value = bytes_field(1, b"x")
    for _ in range(levels):
        value = bytes_field(5, bytes_field(1, value))
    return export(IDS + bytes_field(9, bytes_field(1, b"k") + bytes_field(2, value)))


PROTOBUF = {
    "10,000 attributes": (
        export(IDS + b"".join(bytes_field(9, encode_attribute(f"a{n}", n)) for n in range(10_000))),
        200,
    ),
    "a field of 1 MB": (export(IDS + bytes_field(9, encode_attribute("k", "x" * 1_000_000))), 200),
    "a name of 1 MB": (export(IDS + bytes_field(5, b"n" * 1_000_000)), 200),
    "a span of 3 MiB": (export(IDS + bytes_field(9, encode_attribute("k", "x" * 3 * MIB))), 413),
    "32 M resources": (b"\x0a\x00" * (32 * MIB), 413),
    "32 M spans": (bytes_field(1, bytes_field(2, b"\x12\x00" * (32 * MIB - 16))), 413),
    "30 M attributes": (export(IDS + b"\x4a\x00" * (30 * MIB)), 413),
    "60,000 empty spans": (bytes_field(1, bytes_field(2, b"\x12\x00" * 60_000)), 400),
    "depth 40": (deep(40), 200),
    "depth 10,000": (deep(10_000), 400),
    "more than the limit": (bytes(64 * MIB + 1), 413),
    "no ids": (export(b"\x2a\x01n"), 400),
    "long ids": (export(bytes_field(1, b"T" * 17) + bytes_field(2, b"S" * 8)), 400),
    "a length beyond the end": (b"\x0a\xff\xff\xff\xff\x0f", 400),
    "an endless varint": (b"\x0a" + b"\xff" * 100_000, 400),
    "groups": (b"\x0b" * 1000 + b"\x0c" * 1000, 400),
    "field 0": (b"\x02\x00", 400),
    "not UTF-8": (export(IDS + bytes_field(5, b"\xff\xfe")), 400),
    "a surrogate": (export(IDS + bytes_field(5, b"\xed\xa0\x80")), 400),
    "the end of time": (export(IDS + fixed64_field(8, (1 << 64) - 1)), 200),
    "the smallest integer": (export(IDS + bytes_field(9, encode_attribute("k", -(1 << 63)))), 200),
    "NUL and newlines": (export(IDS + bytes_field(9, encode_attribute("k\n\0", "v\r\n\x1b[31m\0"))), 200),
    "unknown fields": (export(IDS + varint(999 << 3 | 2) + varint(3) + b"abc"), 200),
}


@pytest.mark.parametrize("case", PROTOBUF)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_protobuf(fort: Fortress, case: str, packed: bool) -> None:
    """Plain and as gzip, in which a megabyte becomes a kilobyte: the same answer."""
    body, status = PROTOBUF[case]
    headers = {"Content-Type": "application/x-protobuf"}
    if packed:
        body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
    reply = ask("POST", fort.otlp, body, headers)
    # A sender who is still sending when it is refused may find the connection closed before it reads why.
    assert reply.status == status or (status == 413 and reply.status == 0), reply
    assert fort.audit("/readyz").status == 200


def _json(span: str) -> bytes:
    ids = '"traceId":"' + "ab" * 16 + '","spanId":"' + "cd" * 8 + '"'
    return ('{"resourceSpans":[{"scopeSpans":[{"spans":[{' + ids + "," + span + "}]}]}]}").encode()


JSON = {
    "deep arrays": (b"[" * 100_000, 400),
    "deep objects": (b'{"resourceSpans":' * 50_000, 400),
    "deep values": (
        _json('"attributes":[{"key":"k","value":' + '{"arrayValue":{"values":[' * 5000 + "]}}" * 5000 + "}]"),
        400,
    ),
    "deep unknown": (_json('"x":' + "[" * 900 + "]" * 900), 200),
    "2 M empty objects": (b'{"resourceSpans":[' + b"{}," * (2 * MIB) + b"{}]}", 413),
    "2 M empty lists": (b'{"x":[' + b"[]," * (2 * MIB) + b"[]]}", 413),
    "17 MiB": (b'{"x":"' + b"a" * (17 * MIB) + b'"}', 413),
    "15 MiB of one text": (b'{"x":"' + "\U0001f600".encode() * 3 * MIB + b'"}', 200),
    "a name twice": (b'{"resourceSpans":[],"resourceSpans":[]}', 400),
    "surrogate": (_json('"name":"\\ud800"'), 400),
    "surrogate twice": (b'{"\\ud800":1,"\\ud800":1}', 400),
    "NUL": (_json('"name":"a\\u0000b"'), 200),
    "newlines": (_json('"name":"a\\nERROR forged"'), 200),
    "1e400": (_json('"attributes":[{"key":"k","value":{"doubleValue":1e400}}]'), 400),
    "-0.0": (_json('"attributes":[{"key":"k","value":{"doubleValue":-0.0}}]'), 200),
    "NaN": (_json('"attributes":[{"key":"k","value":{"doubleValue":NaN}}]'), 400),
    "2**63": (_json('"attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]'), 400),
    "2**64 ns": (_json('"endTimeUnixNano":"18446744073709551616"'), 400),
    "negative time": (_json('"endTimeUnixNano":"-1"'), 400),
    "10,000 digits": (_json('"endTimeUnixNano":' + "9" * 10_000), 400),
    "kind 2**40": (_json('"kind":1099511627776'), 400),
    "a name for a kind": (_json('"kind":"SPAN_KIND_SERVER"'), 400),
    "UTF-16": ('{"resourceSpans":[]}'.encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "nothing": (b"", 400),
    "null": (b"null", 400),
    "lists for objects": (b'{"resourceSpans":{"scopeSpans":1}}', 400),
}


@pytest.mark.parametrize("case", JSON)
def test_json(fort: Fortress, case: str) -> None:
    """OTLP/JSON that is too deep, too much, or out of range."""
    body, status = JSON[case]
    reply = ask("POST", fort.otlp, body, {"Content-Type": "application/json"})
    assert reply.status == status or (status == 413 and reply.status == 0), reply
    assert fort.audit("/readyz").status == 200


GZIP: dict[str, tuple[Callable[[], bytes], tuple[int, ...]]] = {  # made by the test that sends it
    "1 GiB of nothing": (lambda: gzip.compress(bytes(128 * MIB), 9) * 8, (400, 413)),
    "a bomb in a bomb": (lambda: gzip.compress(gzip.compress(bytes(64 * MIB))), (400,)),
    "cut off": (lambda: gzip.compress(bytes(1000))[:-4], (400,)),
    "followed by more": (lambda: gzip.compress(b"") + b"x", (400,)),
    "zlib": (lambda: zlib.compress(b""), (400,)),
    "none": (lambda: b"plain", (400,)),
    "nothing": (lambda: b"", (400,)),
}


@pytest.mark.parametrize("case", GZIP)
@pytest.mark.parametrize("media_type", ["application/x-protobuf", "application/json"])
def test_gzip(fort: Fortress, case: str, media_type: str) -> None:
    """What inflates beyond the limit stops at it; what is not one whole stream is refused."""
    make, statuses = GZIP[case]
    reply = ask("POST", fort.otlp, make(), {"Content-Type": media_type, "Content-Encoding": "gzip"})
    assert reply.status in statuses, reply


def test_the_largest_export_is_taken(fort: Fortress) -> None:
    """Nearly 64 MiB of spans of a kilobyte: kept whole, and the service is answered meanwhile."""
    spans = b"".join(
        bytes_field(
            2, bytes_field(1, b"L" * 12 + n.to_bytes(4)) + bytes_field(2, b"S" * 8) + bytes_field(5, b"n" * 4000)
        )
        for n in range(15_000)
    )
    body = bytes_field(1, bytes_field(2, spans))
    before = fort.evidence().reader.count(Search(kind="span"))
    reply = ask("POST", fort.otlp, body, {"Content-Type": "application/x-protobuf"})
    assert reply.status == 200, reply
    await_true(lambda: fort.evidence().reader.count(Search(kind="span")) == before + 15_000, "all of it")


def test_what_is_kept_is_what_was_sent(fort: Fortress) -> None:
    """Control characters and odd keys come back byte for byte, and a search shows them without harm."""
    span = (
        bytes_field(1, b"K" * 16) + bytes_field(2, b"S" * 8) + bytes_field(9, encode_attribute("\x1b]0;\n", "\0\r\n"))
    )
    body = export(span)
    assert ask("POST", fort.otlp, body, {"Content-Type": "application/x-protobuf"}).status == 200
    (record,) = fort.evidence().reader.by_trace(b"K" * 16)
    assert record.payload is not None
    assert bytes_field(1, payload_bytes(record.payload)) == body
    shown = ask("GET", f"{fort.stack.audit_url}/api/records?kind=span&limit=5", None,
                {"Authorization": "Bearer auditor-secret-of-this-test"})  # fmt: skip
    assert shown.status == 200
    assert json.dumps(shown.body).isascii()
