# SPDX-License-Identifier: Apache-2.0
"""OTLP/HTTP: ``POST /v1/traces``, protobuf and JSON, plain and gzip. All or nothing, acknowledged when durable.

A bare ASGI application: nothing stands between the socket and the sequencer. Answers follow opentelemetry-proto
docs/specification.md: 400 what will never do, 413 too large, 503 with Retry-After what may be sent again; never 500,
which a sender must not retry, and never partial success, which stock senders take for success.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from audit_sidecar.errors import AuditError, Refused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.receive.body import TooLarge, inflate, read_body
from audit_sidecar.receive.otlp_json import protobuf_from_json
from audit_sidecar.sequence.export import Export
from audit_sidecar.sequence.sequencer import Sequencer
from contracts.acknowledgement import Acknowledgement, Position, encode_acknowledgement
from contracts.errors import ContractError
from contracts.payload import cut_export
from contracts.semconv import ACK_HEADER
from contracts.tokens import Caller, TokenTable
from contracts.wire import bytes_field, varint_field

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Any], Any]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_RETRY_SECONDS: Final = 1
# google.rpc.Code
_INVALID_ARGUMENT, _PERMISSION_DENIED, _UNAUTHENTICATED, _UNAVAILABLE, _RESOURCE_EXHAUSTED = 3, 7, 16, 14, 8
_UNIMPLEMENTED, _NOT_FOUND = 12, 5


class Edge(NamedTuple):
    """Who may send through one listener. ``peer`` names every sender of a private socket; None asks for tokens."""

    transport: str
    peer: str | None
    tokens: TokenTable | None = None
    body_limit: int = 64 << 20


class _Answer(Exception):
    """A refusal: HTTP status, google.rpc code, message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class OtlpReceiver:
    """The ASGI application of one listener."""

    def __init__(self, sequencer: Sequencer, origin: str, edge: Edge, metrics: SidecarMetrics) -> None:
        self._sequencer = sequencer
        self._origin = origin
        self._edge = edge
        self._metrics = metrics
        self._received = metrics.received.labels(edge.transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        answer_type = media_type if media_type in (PROTOBUF, JSON) else PROTOBUF
        try:
            self._require_route(scope, media_type)
            producer = self._producer(headers.get("authorization"))
            request = await self._read_request(headers, media_type, receive)
            positions = await self._keep(producer, request)
        except _Answer as refusal:
            await _respond(send, refusal.status, answer_type, _status(refusal, answer_type))
            return
        wanted = headers.get(ACK_HEADER) == "1" and media_type == PROTOBUF
        body = encode_acknowledgement(Acknowledgement(self._origin, positions)) if wanted else b""
        await _respond(send, 200, answer_type, body if media_type == PROTOBUF else b"{}")

    def _require_route(self, scope: Scope, media_type: str) -> None:
        if scope["path"] != "/v1/traces":
            raise _Answer(404, _NOT_FOUND, f"no route {scope['path'][:200]}: traces go to /v1/traces")
        if scope["method"] != "POST":
            raise _Answer(405, _UNIMPLEMENTED, "an export is a POST")
        if media_type not in (PROTOBUF, JSON):
            raise _Answer(415, _INVALID_ARGUMENT, f"content-type is {PROTOBUF} or {JSON}")

    def _producer(self, authorization: str | None) -> str | None:
        """The producer's name, or None for a stranger, whose spans are kept as foreign ones."""
        if self._edge.peer is not None:
            return self._edge.peer
        if self._edge.tokens is None or authorization is None:
            return None
        caller: Caller | None = self._edge.tokens.authenticate(authorization, datetime.now(UTC))
        if caller is None:
            raise _Answer(401, _UNAUTHENTICATED, "the bearer token is unknown or expired")
        if "producer" not in caller.roles:
            raise _Answer(403, _PERMISSION_DENIED, f"token {caller.name!r} lacks the role producer")
        return caller.name

    async def _read_request(self, headers: Mapping[str, str], media_type: str, receive: Receive) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise _Answer(415, _INVALID_ARGUMENT, f"content-encoding {encoding[:40]!r}: gzip or none")
        try:
            body = await read_body(_chunks(receive), self._edge.body_limit)
            if encoding == "gzip":
                body = inflate(body, self._edge.body_limit)
            return protobuf_from_json(body) if media_type == JSON else body
        except TooLarge as error:
            raise _Answer(413, _RESOURCE_EXHAUSTED, str(error)) from error
        except ContractError as error:
            raise _Answer(400, _INVALID_ARGUMENT, str(error)) from error

    async def _keep(self, producer: str | None, request: bytes) -> tuple[Position, ...]:
        spans = 0
        try:
            # The stock decoder decides what is well-formed; the parts are then cut out unchanged.
            ExportTraceServiceRequest.FromString(request)
            payloads = tuple(cut_export(request))
            spans = len(payloads)
            self._received.inc(spans)
            positions = await self._sequencer.submit(Export(producer, payloads, len(request)))
        except (DecodeError, ContractError, Refused) as error:
            self._metrics.rejected.labels("malformed" if not isinstance(error, Refused) else "refused").inc(spans)
            raise _Answer(400, _INVALID_ARGUMENT, str(error)) from error
        except AuditError as error:
            self._metrics.rejected.labels("unavailable").inc(spans)
            raise _Answer(503, _UNAVAILABLE, str(error)) from error
        self._metrics.acknowledged.inc(spans)
        return positions


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Answer(400, _INVALID_ARGUMENT, "the sender left before the request was whole")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def _status(refusal: _Answer, media_type: str) -> bytes:
    """A google.rpc.Status in the sender's own encoding."""
    message = str(refusal)[:4096]
    if media_type == JSON:
        return json.dumps({"code": refusal.code, "message": message}).encode()
    return varint_field(1, refusal.code) + bytes_field(2, message.encode())


async def _respond(send: Send, status: int, media_type: str, body: bytes) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(_RETRY_SECONDS).encode()))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
