# SPDX-License-Identifier: Apache-2.0
"""OTLP/HTTP: ``POST /v1/traces``, protobuf and JSON, plain and gzip. All or nothing, acknowledged when durable.

A bare ASGI application, and past it a short way for what producers send: nothing stands between socket and sequencer.
Answers follow opentelemetry-proto docs/specification.md: 400 what will never do, 413 too large, 503 with Retry-After
what may be sent again; never 500, which a sender must not retry, and never partial success, which stock senders take
for success.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audit_sidecar.errors import AuditError
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.receive.body import inflate, read_body
from audit_sidecar.receive.intake import Edge, Intake, code_of
from audit_sidecar.receive.otlp_json import protobuf_from_json
from audit_sidecar.receive.room import Held, NoRoom, Room
from audit_sidecar.receive.rpc_status import RETRY_SECONDS, Code, encode_status
from audit_sidecar.sequence.sequencer import Sequencer
from contracts.acknowledgement import Position
from contracts.errors import ContractError
from contracts.semconv import ACK_HEADER
from contracts.short_http import RawHeaders, ShortRequest, is_short, short_http

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Any], Any]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_ROUTE: Final = "/v1/traces"
_MODERATE: Final = 1 << 20
"""Bytes; more is no single export of a service."""

_STATUS: Final = {
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.INVALID_ARGUMENT: 400,
    Code.UNAVAILABLE: 503,
    Code.RESOURCE_EXHAUSTED: 413,
}


class _Response(NamedTuple):
    """What goes back, without its length."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Short(NamedTuple):
    """An export on the short way: its headers, and the room that its body takes."""

    headers: Mapping[str, str]
    held: Held


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
        self._underway: set[asyncio.Task[None]] = set()

    def short(self, http: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
        """The protocol class ``http`` with a short way for plain protobuf of moderate length, as producers send it."""
        return short_http(http, _ROUTE.encode(), self)

    # The door at the end of the short way

    def read(self, raw: RawHeaders) -> "_Short | None":
        """As `contracts.short_http.Door` says, and so below."""
        headers = _read_headers(raw)
        plain = headers.get("content-type") == PROTOBUF and "content-encoding" not in headers
        short = plain and is_short(headers.get("content-length"), min(_MODERATE, self._intake.edge.body_limit))
        return _Short(headers, self._room.hold()) if short else None

    def grow(self, request: ShortRequest, size: int) -> None:
        """Counted as it comes, however slowly that is."""
        said: _Short = request.headers
        try:
            said.held.take(size)
        except NoRoom as error:
            said.held.release()
            self._refuse_short(request, error)

    def take(self, request: ShortRequest) -> None:
        """Answer it, not before this returns."""
        task = asyncio.get_running_loop().create_task(self._answer_short(request))
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)

    def leave(self, request: ShortRequest) -> None:
        """Half an export is none."""
        request.headers.held.release()

    async def _answer_short(self, request: ShortRequest) -> None:
        said: _Short = request.headers
        try:
            with said.held:
                producer = self._intake.producer(said.headers.get("authorization"))
                body = self._told(said.headers, await self._intake.keep(producer, request.body))
            request.reply(_response(200, PROTOBUF, body))
        except (AuditError, ContractError) as error:
            self._refuse_short(request, error)
        finally:
            request.give_up()

    def _refuse_short(self, request: ShortRequest, error: AuditError | ContractError) -> None:
        status, body = self._refusal(error, PROTOBUF)
        request.reply(_response(status, PROTOBUF, body, isinstance(error, NoRoom)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = _read_headers(scope["headers"])
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
        await _send(send, _response(status, answer_type, body, close))

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
        return b"{}" if media_type == JSON else self._told(headers, positions)

    def _told(self, headers: Mapping[str, str], positions: tuple[Position, ...]) -> bytes:
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
    if scope["path"] != _ROUTE:
        raise _Answer(404, Code.NOT_FOUND, f"no route {scope['path'][:200]}: traces go to {_ROUTE}")
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


def _read_headers(raw: RawHeaders) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def _response(status: int, media_type: str, body: bytes, close: bool = False) -> _Response:
    headers = [(b"content-type", media_type.encode())]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    if close:
        headers.append((b"connection", b"close"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    return _Response(status, headers, body)


async def _send(send: Send, response: _Response) -> None:
    headers = [*response.headers, (b"content-length", str(len(response.body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
