# SPDX-License-Identifier: Apache-2.0
"""A gRPC receiver over a real log, and a bare client that sends bytes and sees what stock senders see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc

from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_grpc import EXPORT, GrpcReceiver
from audit_sidecar.sequence.sequencer import Bounds, Sequencer
from audit_sidecar.sequence.writer_thread import WriterThread
from contracts.address import Address
from contracts.payload import Payload, payload_bytes
from contracts.wire import bytes_field
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log

ANY = Address("127.0.0.1", 0)


class Listening(NamedTuple):
    """One receiver that runs, and a channel to it."""

    log: Log
    sequencer: Sequencer
    receiver: GrpcReceiver
    address: Address
    channel: grpc.aio.Channel

    async def send(self, request: bytes, *metadata: tuple[str, str], gzip: bool = False, method: str = EXPORT) -> bytes:
        """One unary call; AioRpcError when it is refused."""
        compression = grpc.Compression.Gzip if gzip else None
        call: Any = self.channel.unary_unary(method)
        answer: bytes = await call(request, metadata=metadata, compression=compression, timeout=10)
        return answer

    async def refused(self, request: bytes, *metadata: tuple[str, str], gzip: bool = False) -> grpc.aio.AioRpcError:
        """The refusal of one call."""
        try:
            await self.send(request, *metadata, gzip=gzip)
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError("the call was accepted")


@asynccontextmanager
async def grpc_listening(log: Log, edge: Edge, address: Address = ANY, **options: Any) -> AsyncIterator[Listening]:
    """A receiver that is drained afterwards."""
    with WriterThread("test") as thread:
        sequencer = Sequencer(log.committer, Bounds(), thread)
        sequencing = asyncio.create_task(sequencer.run())
        receiver = GrpcReceiver(sequencer, ORIGIN, edge, log.metrics, **options)
        taken = receiver.listen(address)
        serving = asyncio.create_task(receiver.serve(5))
        target = f"unix:{address.path}" if address.path is not None else str(taken)
        try:
            async with grpc.aio.insecure_channel(target, [("grpc.default_authority", "localhost")]) as channel:
                yield Listening(log, sequencer, receiver, taken, channel)
        finally:
            receiver.close()
            await serving
            sequencing.cancel()
            await asyncio.gather(sequencing, return_exceptions=True)


def request_of(*payloads: Payload) -> bytes:
    """An ``ExportTraceServiceRequest`` of these payloads."""
    return b"".join(bytes_field(1, payload_bytes(payload)) for payload in payloads)
