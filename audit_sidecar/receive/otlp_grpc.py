# SPDX-License-Identifier: Apache-2.0
"""OTLP/gRPC: ``TraceService/Export`` as raw bytes, so that what is kept is what was sent. All or nothing.

Answers follow opentelemetry-proto docs/specification.md: UNAVAILABLE with RetryInfo, in both places where senders look
for it, is the only answer that invites a repeat; INVALID_ARGUMENT carries a BadRequest, too large is RESOURCE_EXHAUSTED
without RetryInfo.

The method is unary to the sender and served as a stream of one message, because only so do we choose when a message is
read. gzip is undone here and not by the library, which inflates a message whole before it looks at its size.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import grpc

from audit_sidecar.errors import AuditError
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.receive.body import inflate
from audit_sidecar.receive.intake import Edge, Intake, code_of
from audit_sidecar.receive.room import Held, Room, TooSlow
from audit_sidecar.receive.rpc_status import Code, bad_request, encode_status, retry_details, retry_info
from audit_sidecar.sequence.sequencer import Sequencer
from contracts.address import Address, bind
from contracts.errors import ContractError, SettingInvalid
from contracts.semconv import ACK_HEADER
from contracts.tls import ServerTls

EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

READS_AT_ONCE: Final = 2
"""Messages that are read at once over one listener. How long one is, the library says only when it has it: so many
times the limit is what reading may take beside the room."""

_GZIP: Final = b"\x1f\x8b"
"""No protobuf message begins so: it would be field 3 of a wire type that does not exist."""
_ALGORITHMS: Final = 0b101
"""Identity and gzip, as bits of grpc_compression_algorithm."""
_MOST_MESSAGE: Final = 1024
"""Characters of a refusal: senders take at most 8 KiB of trailing metadata, and the text is in there twice."""

_STATUS: Final = {
    Code.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Code.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Code.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Code.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Code.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_Context = grpc.aio.ServicerContext[Any, Any]
_Trailers = tuple[tuple[str, str | bytes], ...]


class GrpcReceiver:
    """The gRPC server of one listener. Make it on the event loop that is to run it."""

    def __init__(
        self, sequencer: Sequencer, origin: str, edge: Edge, metrics: SidecarMetrics, room: Room | None = None
    ) -> None:
        self._intake = Intake(sequencer, origin, edge, metrics)
        self._room = Room() if room is None else room
        self._turns = asyncio.Semaphore(READS_AT_ONCE)
        self._closing = asyncio.Event()
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 0),  # a second sidecar on this port is a mistake, and is told so
                ("grpc.max_receive_message_length", edge.body_limit),
                ("grpc.per_message_decompression", 0),
                ("grpc.compression_enabled_algorithms_bitset", _ALGORITHMS),
                ("grpc.max_concurrent_streams", 128),
                ("grpc.http2.bdp_probe", 0),  # else the window of a connection grows with what it has sent
                ("grpc.max_connection_idle_ms", 300_000),
            ]
        )
        self._server.add_generic_rpc_handlers((_Export(self._export),))

    def listen(self, address: Address, tls: ServerTls | None = None) -> Address:
        """Take the address, which must have been found free; the one it really has. SettingInvalid otherwise."""
        try:
            if address.path is None:
                return address._replace(port=self._add_port(str(address), tls))
            # The mask makes the socket private from its first moment, not from a later chmod on.
            previous = os.umask(0o177)
            try:
                self._server.add_insecure_port(f"unix:{address.path}")
            finally:
                os.umask(previous)
        except RuntimeError as error:
            raise SettingInvalid(f"cannot listen on {address}: {error}; choose another address") from error
        return address

    def _add_port(self, address: str, tls: ServerTls | None) -> int:
        if tls is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, grpc.ssl_server_credentials([(tls.key, tls.certificate)]))

    async def serve(self, drain: float) -> None:
        """Serve until `close`, then give the calls under way at most ``drain`` seconds."""
        await self._server.start()
        await self._closing.wait()
        await self._server.stop(drain)

    def close(self) -> None:
        """Begin to drain: no new calls."""
        self._closing.set()

    async def _export(self, _: Any, context: _Context) -> bytes:
        try:
            return await self._keep(context)
        except (AuditError, ContractError) as error:
            # Refused outside of this block: what abort raises would keep the error, whose traceback holds the export.
            refusal = self._refusal(error)
        await context.abort(*refusal)
        raise AssertionError("abort never returns")

    async def _keep(self, context: _Context) -> bytes:
        metadata = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
        producer = self._intake.producer(metadata.get("authorization"))
        with self._room.hold() as held:
            positions = await self._intake.keep(producer, await self._read(context, held))
        return self._intake.acknowledgement(positions) if metadata.get(ACK_HEADER) == "1" else b""

    def _refusal(self, error: AuditError | ContractError) -> tuple[grpc.StatusCode, str, _Trailers]:
        code = code_of(error)
        self._intake.refused(code)
        message = str(error)[:_MOST_MESSAGE]
        details = b""
        if code is Code.INVALID_ARGUMENT:
            details = bad_request(message)
        elif code is Code.UNAVAILABLE:
            details = retry_details()
        trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", encode_status(code, message, details))]
        if code is Code.UNAVAILABLE:
            trailers.append(("google.rpc.retryinfo-bin", retry_info()))
        return _STATUS[code], message, tuple(trailers)

    async def _read(self, context: _Context, held: Held) -> bytes:
        """The one message of a unary call, inflated; ContractError when there is none or more, TooSlow, NoRoom."""
        edge = self._intake.edge
        try:
            async with asyncio.timeout(edge.patience), self._turns:
                request = await context.read()
                more = await context.read() if isinstance(request, bytes) else None
        except TimeoutError as error:
            raise TooSlow(f"the export was not whole within {edge.patience:g} s") from error
        if not isinstance(request, bytes):
            raise ContractError("an export is one message, and none came")
        held.take(len(request))
        if more is not grpc.aio.EOF:
            raise ContractError("an export is one message, and more than one came")
        if request.startswith(_GZIP):
            request = inflate(request, edge.body_limit)
            held.take(len(request))
        return request


class _Export(grpc.GenericRpcHandler):
    """Routes the one method; the library answers UNIMPLEMENTED to any other."""

    def __init__(self, export: Any) -> None:
        self._handler: Any = grpc.stream_unary_rpc_method_handler(export)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, or None."""
        return self._handler if handler_call_details.method == EXPORT else None


def require_free(address: Address) -> None:
    """SettingInvalid when the address cannot be listened on, before anything has been started."""
    bind(address).close()
    if address.path is not None:
        Path(address.path).unlink()
