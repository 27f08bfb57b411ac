# SPDX-License-Identifier: Apache-2.0
"""A running receiver over a real log, and requests to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import httpx

from audit_sidecar.errors import Fatal
from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_http import JSON, PROTOBUF, OtlpReceiver
from audit_sidecar.receive.room import Room
from audit_sidecar.sequence.export import Export
from audit_sidecar.sequence.sequencer import Bounds, Sequencer
from audit_sidecar.sequence.writer_thread import WriterThread
from contracts.payload import payload_bytes
from contracts.wire import bytes_field, expect_bytes, expect_int, fields
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log

UNIX = Edge("unix", "unix")


class Refusal(NamedTuple):
    """A google.rpc.Status: code and message."""

    code: int
    message: str


@asynccontextmanager
async def receiver(
    log: Log, edge: Edge = UNIX, bounds: Bounds | None = None, room: Room | None = None
) -> AsyncIterator[OtlpReceiver]:
    """The application, with the sequencer behind it running."""
    with WriterThread("test") as thread:
        sequencer = Sequencer(log.committer, bounds or Bounds(), thread)
        task = asyncio.create_task(sequencer.run())
        try:
            yield OtlpReceiver(sequencer, ORIGIN, edge, log.metrics, room)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Fatal):  # whether it ends is the sequencer's own test
                await task


@asynccontextmanager
async def client(log: Log, edge: Edge = UNIX, bounds: Bounds | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application itself; an error that escapes it escapes here."""
    async with receiver(log, edge, bounds) as app:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx types scopes more loosely than we do
        async with httpx.AsyncClient(transport=transport, base_url="http://sidecar") as asking:
            yield asking


async def post(asking: httpx.AsyncClient, body: bytes, media_type: str = PROTOBUF, **headers: str) -> httpx.Response:
    """One export; ``content_encoding="gzip"`` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asking.post("/v1/traces", content=body, headers={"content-type": media_type, **named})


def request_of(export: Export) -> bytes:
    """The request that carries these payloads."""
    return b"".join(bytes_field(1, payload_bytes(payload)) for payload in export.payloads)


def refusal(response: httpx.Response) -> Refusal:
    """What an error says, in the encoding that it claims to have."""
    if response.headers["content-type"] == JSON:
        document = json.loads(response.content)
        assert set(document) == {"code", "message"}
        return Refusal(document["code"], document["message"])
    assert response.headers["content-type"] == PROTOBUF
    found = {number: (wire_type, value) for number, wire_type, value in fields(response.content)}
    assert set(found) == {1, 2}
    return Refusal(expect_int(1, *found[1], 0), expect_bytes(2, found[2][1]).decode())
