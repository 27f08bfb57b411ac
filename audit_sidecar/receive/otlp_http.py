# SPDX-License-Identifier: Apache-2.0
"""OTLP/HTTP: ``POST /v1/traces``, protobuf and JSON, plain and gzip. All or nothing, acknowledged when durable.

A bare ASGI application: nothing stands between the socket and the sequencer. Answers follow opentelemetry-proto
docs/specification.md: 400 what will never do, 413 too large, 503 with Retry-After what may be sent again; never 500,
which a sender must not retry, and never partial success, which stock senders take for success.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from audit_sidecar.errors import AuditError
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.receive.body import inflate, read_body
from audit_sidecar.receive.intake import Edge, Intake, code_of
from audit_sidecar.receive.otlp_json import protobuf_from_json
from audit_sidecar.receive.room import Held, NoRoom, Room
from audit_sidecar.receive.rpc_status import RETRY_SECONDS, Code, encode_status
from audit_sidecar.sequence.sequencer import Sequencer
from contracts.errors import ContractError
from contracts.semconv import ACK_HEADER

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Any], Any]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_STATUS: Final = {
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.INVALID_ARGUMENT: 400,
    Code.UNAVAILABLE: 503,
    Code.RESOURCE_EXHAUSTED: 413,
}


class _Answer(Exception):
    """A refusal: HTTP status, google.rpc code, message."""

    def __init__(self, status: int, code: Code, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class OtlpReceiver:
    """The ASGI application of one listener."""

    def __init__(
        self, sequencer: Sequencer, origin: str, edge: Edge, metrics: SidecarMetrics, room: Room | None = None
    ) -> None:
        self._intake = Intake(sequencer, origin, edge, metrics)
        self._room = Room() if room is None else room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        answer_type = media_type if media_type in (PROTOBUF, JSON) else PROTOBUF
        try:
            _require_route(scope, media_type)
            with self._room.hold() as held:
                body = await self._export(headers, media_type, receive, held)
            status, close = 200, False
        except (_Answer, AuditError, ContractError) as error:
            # The error gets no name of ours: its traceback holds this frame with the body, and would keep both alive.
            status, body = self._refusal(error, answer_type)
            # Of a sender that is given up the rest is not read: only a new connection starts at a request again.
            close = isinstance(error, NoRoom)
        await _respond(send, status, answer_type, body, close)

    def _refusal(self, error: "_Answer | AuditError | ContractError", media_type: str) -> tuple[int, bytes]:
        """HTTP status, and a google.rpc.Status in the sender's own encoding."""
        code = error.code if isinstance(error, _Answer) else code_of(error)
        self._intake.refused(code)
        status = error.status if isinstance(error, _Answer) else _STATUS[code]
        message = str(error)[:4096]
        if media_type == JSON:
            return status, json.dumps({"code": int(code), "message": message}).encode()
        return status, encode_status(code, message)

    async def _export(self, headers: Mapping[str, str], media_type: str, receive: Receive, held: Held) -> bytes:
        """Keep one export; the answer's body."""
        producer = self._intake.producer(headers.get("authorization"))
        request = await self._read_request(headers, media_type, receive, held)
        positions = await self._intake.keep(producer, request)
        if media_type == JSON:
            return b"{}"
        return self._intake.acknowledgement(positions) if headers.get(ACK_HEADER) == "1" else b""

    async def _read_request(self, headers: Mapping[str, str], media_type: str, receive: Receive, held: Held) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise _Answer(415, Code.INVALID_ARGUMENT, f"content-encoding {encoding[:40]!r}: gzip or none")
        limit = self._intake.edge.body_limit
        body = await read_body(_chunks(receive, held), limit)
        if encoding == "gzip":
            body = inflate(body, limit)
            held.take(len(body))
        if media_type != JSON:
            return body
        async with self._intake.large:
            return await asyncio.to_thread(protobuf_from_json, body)


def _require_route(scope: Scope, media_type: str) -> None:
    if scope["path"] != "/v1/traces":
        raise _Answer(404, Code.NOT_FOUND, f"no route {scope['path'][:200]}: traces go to /v1/traces")
    if scope["method"] != "POST":
        raise _Answer(405, Code.UNIMPLEMENTED, "an export is a POST")
    if media_type not in (PROTOBUF, JSON):
        raise _Answer(415, Code.INVALID_ARGUMENT, f"content-type is {PROTOBUF} or {JSON}")


async def _chunks(receive: Receive, held: Held) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Answer(400, Code.INVALID_ARGUMENT, "the sender left before the request was whole")
        chunk = message.get("body", b"")
        held.take(len(chunk))
        yield chunk
        if not message.get("more_body", False):
            return


async def _respond(send: Send, status: int, media_type: str, body: bytes, close: bool = False) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    if close:
        headers.append((b"connection", b"close"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
