# SPDX-License-Identifier: Apache-2.0
"""What an OTLP receiver must do, as questions to one that only its wire shows. Source: opentelemetry-proto,
docs/specification.md (OTLP 1.11.0). C-numbers count the requirements through; C14 to C16 are in test_pressure.

Each check returns what it saw; what the specification wants to be seen stands beside it.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from tests.conformance.receiver.receivers import BODY_LIMIT, Receiver
from tests.conformance.receiver.sending import (
    JSON,
    PROTOBUF,
    ask,
    call,
    document,
    export,
    post,
    post_json,
    request,
    span_id,
    zipped,
)
from tests.end_to_end.living import await_true

MALFORMED = b"\x0a\x7f\x01"  # announces 127 bytes and has one
UNKNOWN = b"\xfa\x3f\x03abc"  # field 1023, which nobody has defined
RETRYABLE = {429, 502, 503, 504}


class Check(NamedTuple):
    """A question and the specification's answer."""

    seen: Callable[[Receiver], Any]
    wanted: Any


def _kept(receiver: Receiver, name: str, count: int = 1) -> bool:
    await_true(lambda: len(receiver.kept(name)) >= count, f"{count} spans named {name} at {receiver.name}")
    return len(receiver.kept(name)) == count


def _accepted(
    receiver: Receiver, body: bytes, name: str, media_type: str = PROTOBUF, **headers: str
) -> tuple[Any, ...]:
    answer = post(receiver.target, body, media_type, **headers)
    return answer.status, answer.status == 200 and _kept(receiver, name)


def _json_accepted(receiver: Receiver, tree: dict[str, Any], name: str) -> tuple[Any, ...]:
    return _accepted(receiver, json.dumps(tree).encode(), name, JSON)


def _grpc(receiver: Receiver, name: str, compress: bool) -> tuple[Any, ...]:
    answer = call(receiver.target, export(name, attribute="a" * 1000), compress)
    return answer.code, answer.body, _kept(receiver, name)


def _error(receiver: Receiver, media_type: str) -> tuple[Any, ...]:
    answer = post(receiver.target, MALFORMED, media_type)
    error = answer.error()
    return answer.status, answer.media_type, error is not None and error.message != ""


def _large(receiver: Receiver, packed: bool) -> int:
    body = export("large", attribute="x" * BODY_LIMIT)
    headers = {"Content_Encoding": "gzip"} if packed else {}
    return post(receiver.target, zipped(body) if packed else body, **headers).status


def _large_grpc(receiver: Receiver, packed: bool) -> tuple[Any, ...]:
    answer = call(receiver.target, export("large", attribute="x" * BODY_LIMIT), packed)
    return answer.code, answer.details & {"RetryInfo"}, answer.retry_for_python


def _malformed_grpc(receiver: Receiver) -> tuple[Any, ...]:
    answer = call(receiver.target, MALFORMED)
    return answer.code, set(answer.details)


def _many(receiver: Receiver) -> tuple[Any, ...]:
    def send(number: int) -> int:
        return post(receiver.target, export("many", number)).status

    with ThreadPoolExecutor(16) as threads:
        statuses = set(threads.map(send, range(128)))
    return statuses, _kept(receiver, "many", 128)


def _unknown_fields(receiver: Receiver) -> tuple[Any, ...]:
    known = request("unknown-fields")
    spans = known.resource_spans[0].scope_spans[0].spans[0].SerializeToString() + UNKNOWN
    scope = b"\x12" + _length(spans) + spans + UNKNOWN
    resource = b"\x12" + _length(scope) + scope + UNKNOWN
    return _accepted(receiver, b"\x0a" + _length(resource) + resource + UNKNOWN, "unknown-fields")


def _length(data: bytes) -> bytes:
    return bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])


def _unknown_keys(receiver: Receiver) -> tuple[Any, ...]:
    tree = document("unknown-keys", strange={"a": [1]})
    for part in (tree, tree["resourceSpans"][0], tree["resourceSpans"][0]["scopeSpans"][0]):
        part["strange"] = "x"
    return _json_accepted(receiver, tree, "unknown-keys")


def _twice(receiver: Receiver) -> tuple[Any, ...]:
    statuses = [post(receiver.target, export("twice")).status for _ in range(2)]
    post(receiver.target, export("after-twice"))
    assert _kept(receiver, "after-twice")
    return *statuses, len(receiver.kept("twice"))


def _half(receiver: Receiver) -> tuple[Any, ...]:
    status = post(receiver.target, export("half") + MALFORMED).status
    post(receiver.target, export("after-half"))
    assert _kept(receiver, "after-half")
    return status, len(receiver.kept("half"))


def _attribute(receiver: Receiver, name: str, value: dict[str, Any], field: str) -> Any:
    tree = document(name, attributes=[{"key": "a", "value": value}])
    status = post_json(receiver.target, tree).status
    if status != 200:
        return status
    _kept(receiver, name)
    return getattr(receiver.kept(name)[0].attributes[0].value, field)


def _span_of(receiver: Receiver, name: str, field: str, **fields: Any) -> Any:
    status = post_json(receiver.target, document(name, **fields)).status
    if status != 200:
        return status
    _kept(receiver, name)
    return getattr(receiver.kept(name)[0], field)


def _refused(receiver: Receiver, tree: Any) -> int:
    return post_json(receiver.target, tree).status


def _post(body: bytes, media_type: str, **headers: str) -> Callable[[Receiver], tuple[Any, ...]]:
    def seen(receiver: Receiver) -> tuple[Any, ...]:
        answer = post(receiver.target, body, media_type, **headers)
        return answer.status, answer.media_type, answer.body

    return seen


def _routes(method: str, path: str, media_type: str = PROTOBUF) -> Callable[[Receiver], int]:
    return lambda receiver: ask(receiver.target, method, path, b"", {"Content-Type": media_type}).status


CHECKS: Mapping[str, Check] = {
    "C1 Export over gRPC": Check(lambda r: _grpc(r, "c1", False), ("OK", b"", True)),
    "C1 another method": Check(lambda r: call(r.target, b"", method="/other.Service/Export").code, "UNIMPLEMENTED"),
    "C2 POST /v1/traces": Check(lambda r: _accepted(r, export("c2"), "c2"), (200, True)),
    "C3 JSON on the same port": Check(lambda r: _json_accepted(r, document("c3-json"), "c3-json"), (200, True)),
    "C3 a media type with parameters": Check(
        lambda r: _accepted(r, json.dumps(document("c3-p")).encode(), "c3-p", f"{JSON}; charset=utf-8"), (200, True)
    ),
    "C3 a media type in capitals": Check(
        lambda r: _accepted(r, export("c3-c"), "c3-c", "Application/X-Protobuf"), (200, True)
    ),
    "C4 C12 C13 an error in protobuf": Check(lambda r: _error(r, PROTOBUF), (400, PROTOBUF, True)),
    "C4 C12 C13 an error in JSON": Check(lambda r: _error(r, JSON), (400, JSON, True)),
    "C5 gzip over HTTP": Check(
        lambda r: _accepted(r, zipped(export("c5-http")), "c5-http", Content_Encoding="gzip"), (200, True)
    ),
    "C5 identity over HTTP": Check(
        lambda r: _accepted(r, export("c5-id"), "c5-id", Content_Encoding="identity"), (200, True)
    ),
    "C5 gzip over gRPC": Check(lambda r: _grpc(r, "c5-grpc", True), ("OK", b"", True)),
    "C5 gzip that is none": Check(lambda r: post(r.target, b"no", Content_Encoding="gzip").status, 400),
    "C5 an encoding nobody knows": Check(lambda r: post(r.target, b"no", Content_Encoding="none-such").status, 415),
    "C6 too large": Check(lambda r: _large(r, False), 413),
    "C6 too large once inflated": Check(lambda r: _large(r, True), 413),
    "C6 too large over gRPC": Check(lambda r: _large_grpc(r, False), ("RESOURCE_EXHAUSTED", frozenset(), False)),
    "C6 too large over gRPC once inflated": Check(
        lambda r: _large_grpc(r, True), ("RESOURCE_EXHAUSTED", frozenset(), False)
    ),
    "C7 an error stays small": Check(
        lambda r: len(post(r.target, b"\xff" * (BODY_LIMIT - 1), JSON).body) < (4 << 20), True
    ),
    "C8 success in protobuf": Check(_post(export("c8"), PROTOBUF), (200, PROTOBUF, b"")),
    "C8 success in JSON": Check(_post(json.dumps(document("c8-json")).encode(), JSON), (200, JSON, b"{}")),
    "C9 nothing in protobuf": Check(_post(b"", PROTOBUF), (200, PROTOBUF, b"")),
    "C9 nothing in JSON": Check(_post(b"{}", JSON), (200, JSON, b"{}")),
    "C9 nothing over gRPC": Check(lambda r: (call(r.target, b"").code, call(r.target, b"").body), ("OK", b"")),
    "C10 C11 of a malformed export nothing is kept": Check(_half, (400, 0)),
    "C13 malformed over gRPC": Check(_malformed_grpc, ("INVALID_ARGUMENT", {"BadRequest"})),
    "C14 what will never do is not retried": Check(
        lambda r: {post(r.target, MALFORMED).status, _large(r, False)} & (RETRYABLE | {500}), set()
    ),
    "C17 many at once": Check(_many, ({200}, True)),
    "C18 fields nobody has defined": Check(_unknown_fields, (200, True)),
    "C18 keys nobody has defined": Check(_unknown_keys, (200, True)),
    "C19 the same twice": Check(_twice, (200, 200, 1)),
    "C20 GET": Check(_routes("GET", "/v1/traces"), 405),
    "C20 PUT": Check(_routes("PUT", "/v1/traces"), 405),
    "C20 a media type nobody knows": Check(_routes("POST", "/v1/traces", "text/plain"), 415),
    "C20 another path": Check(_routes("POST", "/v1/other"), 404),
    "JSON ids in capitals": Check(
        lambda r: _span_of(r, "j-ids", "span_id", spanId=span_id("j-ids", 1).hex().upper()), span_id("j-ids", 1)
    ),
    "JSON ids in base64": Check(lambda r: _refused(r, document("j-64", spanId="AAECAwQFBgc=")), 400),
    "JSON an enum by name": Check(lambda r: _refused(r, document("j-enum", kind="SPAN_KIND_SERVER")), 400),
    "JSON an enum by number": Check(lambda r: _span_of(r, "j-kind", "kind", kind=3), 3),
    "JSON a 64-bit integer as text": Check(
        lambda r: _attribute(r, "j-text", {"intValue": "9007199254740993"}, "int_value"), 9007199254740993
    ),
    "JSON a 64-bit integer as a number": Check(
        lambda r: _attribute(r, "j-number", {"intValue": 9007199254740993}, "int_value"), 9007199254740993
    ),
    "JSON a time as a number": Check(
        lambda r: _span_of(r, "j-time", "start_time_unix_nano", startTimeUnixNano=1760000000000000001),
        1760000000000000001,
    ),
    "JSON infinity": Check(
        lambda r: _attribute(r, "j-inf", {"doubleValue": "Infinity"}, "double_value"), float("inf")
    ),
    "JSON null for unset": Check(lambda r: _span_of(r, "j-null", "kind", kind=None, events=None), 0),
    "JSON keys of another spelling are unknown ones": Check(
        lambda r: _span_of(r, "j-snake", "start_time_unix_nano", startTimeUnixNano=7, start_time_unix_nano=9), 7
    ),
    "JSON that is a list": Check(lambda r: _refused(r, []), 400),
    "JSON that is none": Check(lambda r: post(r.target, b"{", JSON).status, 400),
}  # fmt: skip
