# SPDX-License-Identifier: Apache-2.0
"""Exports as raw bytes over HTTP and gRPC, and answers as raw bytes: nothing of ours stands in between."""

import gzip
import hashlib
import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF, JSON = "application/x-protobuf", "application/json"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
TIMEOUT_SECONDS = 20
TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")


class Target(NamedTuple):
    """Where a receiver listens: ``host:port`` or ``unix:/path`` for each transport."""

    http: str
    grpc: str


class HttpAnswer(NamedTuple):
    """Status, media type and bytes."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str]

    def error(self) -> Status | None:
        """The google.rpc.Status that the body is in the answer's media type, or None."""
        if self.media_type == JSON:
            document = json.loads(self.body)
            return Status(code=document.get("code", 0), message=document["message"])
        if self.media_type != PROTOBUF:
            return None
        try:
            return Status.FromString(self.body)
        except DecodeError:
            return None


class GrpcAnswer(NamedTuple):
    """Code name, message bytes of a success, and what the trailers say of a refusal."""

    code: str
    body: bytes
    details: frozenset[str]
    retry_for_python: bool


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


def ask(
    target: Target, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """One HTTP exchange on a connection of its own."""
    where = target.http
    unix = where.startswith("unix:")
    connection = _Unix(where[5:]) if unix else http.client.HTTPConnection(where, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        media_type = named.get("content-type", "").partition(";")[0]
        return HttpAnswer(answer.status, media_type, answer.read(), named)
    finally:
        connection.close()


def post(target: Target, body: bytes, media_type: str = PROTOBUF, **headers: str) -> HttpAnswer:
    """One export over HTTP; header names with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(target, "POST", "/v1/traces", body, {"Content-Type": media_type, **named})


def post_json(target: Target, document: Any, **headers: str) -> HttpAnswer:
    """One OTLP/JSON export."""
    return post(target, json.dumps(document).encode(), JSON, **headers)


def call(target: Target, body: bytes, compress: bool = False, method: str = EXPORT) -> GrpcAnswer:
    """One export over gRPC."""
    # Some servers refuse a path as the authority.
    options = [("grpc.default_authority", "localhost"), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(target.grpc, options=options) as channel:
        unary: Any = channel.unary_unary(method)
        compression = grpc.Compression.Gzip if compress else grpc.Compression.NoCompression
        try:
            answer: bytes = unary(body, timeout=TIMEOUT_SECONDS, compression=compression, wait_for_ready=True)
        except grpc.RpcError as error:
            return _refusal(error)
    return GrpcAnswer("OK", answer, frozenset(), False)


def _refusal(error: Any) -> GrpcAnswer:
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    kinds = {"BadRequest": BadRequest.DESCRIPTOR, "RetryInfo": RetryInfo.DESCRIPTOR}
    details = {name for name, kind in kinds.items() for detail in status.details if detail.Is(kind)}
    return GrpcAnswer(error.code().name, b"", frozenset(details), "google.rpc.retryinfo-bin" in trailers)


def span_id(name: str, number: int) -> bytes:
    """A span id of its own for each name and number."""
    return hashlib.sha256(f"{name} {number}".encode()).digest()[:8]


def request(name: str, *numbers: int, attribute: str = "") -> ExportTraceServiceRequest:
    """An export of spans of this name, one for each number."""
    export = ExportTraceServiceRequest()
    resource_spans = export.resource_spans.add()
    scope_spans = resource_spans.scope_spans.add()
    for number in numbers or (1,):
        span = scope_spans.spans.add(
            name=name, trace_id=TRACE, span_id=span_id(name, number), kind=2,
            start_time_unix_nano=1_760_000_000_000_000_000, end_time_unix_nano=1_760_000_000_000_000_001,
        )  # fmt: skip
        if attribute:
            span.attributes.add(key="text").value.string_value = attribute
    return export


def export(name: str, *numbers: int, attribute: str = "") -> bytes:
    """Its bytes."""
    return request(name, *numbers, attribute=attribute).SerializeToString()


def document(name: str, **fields: Any) -> dict[str, Any]:
    """The same as OTLP/JSON, one span; fields are put into the span."""
    span = {
        "name": name, "traceId": TRACE.hex(), "spanId": span_id(name, 1).hex(), "kind": 2,
        "startTimeUnixNano": "1760000000000000000", "endTimeUnixNano": "1760000000000000001",
    }  # fmt: skip
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span | fields]}]}]}


def zipped(body: bytes) -> bytes:
    """Gzip of a body."""
    return gzip.compress(body, mtime=0)
