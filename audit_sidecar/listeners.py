# SPDX-License-Identifier: Apache-2.0
"""Where one sidecar listens: which addresses, who may send there, and the server behind each.

Addresses are taken before anything is written, so that a busy port leaves no trace in the log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from socket import socket
from typing import Any, Final, NamedTuple, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_grpc import GrpcReceiver, require_free
from audit_sidecar.receive.otlp_http import OtlpReceiver
from audit_sidecar.settings import ReceiveSettings, SidecarSettings
from contracts.address import Address, bind, bound_port, parse_address
from contracts.errors import SettingInvalid
from contracts.http_limits import limited_http
from contracts.tls import ServerTls
from contracts.tokens import LOCAL, TokenTable

DRAIN_SECONDS: Final = 5
"""How long calls under way may take once the sidecar stops."""


class Speaks(Enum):
    """What a listener speaks."""

    OTLP_HTTP = "OTLP/HTTP"
    OTLP_GRPC = "OTLP/gRPC"
    AUDIT = "audit API"


class Listener(NamedTuple):
    """One address. ``socket`` is None where the server itself takes the address, which was found free."""

    speaks: Speaks
    address: Address
    socket: socket | None
    tls: ServerTls | None
    """None on a unix socket, whatever the settings say."""


class Server(Protocol):
    """What answers at one listener."""

    address: Address

    async def serve(self) -> None:
        """Serve until `close`; return when drained."""

    def close(self) -> None:
        """Begin to drain."""


class Applications(NamedTuple):
    """What stands behind the listeners; receivers are made for each edge."""

    audit: Any
    otlp_http: Callable[[Edge], OtlpReceiver]
    otlp_grpc: Callable[[Edge], GrpcReceiver]


def wanted_addresses(settings: SidecarSettings, tokens: TokenTable | None) -> list[tuple[Speaks, Address]]:
    """Every address of the settings; SettingInvalid when one is malformed or would be open to everyone."""
    wanted = [(Speaks.OTLP_HTTP, parse_address(text)) for text in settings.otlp_http]
    wanted += [(Speaks.OTLP_GRPC, parse_address(text)) for text in settings.otlp_grpc]
    wanted += [(Speaks.AUDIT, parse_address(text)) for text in settings.audit]
    for speaks, address in wanted:
        require_not_open(speaks, address, tokens)
    return wanted


def require_not_open(speaks: Speaks, address: Address, tokens: TokenTable | None) -> None:
    """SettingInvalid when other machines could reach the address and nobody would have to say who they are."""
    if tokens is None and not address.is_local:
        raise SettingInvalid(
            f"{speaks.value} on {address} would be open to everyone; give --tokens, or listen on 127.0.0.1"
        )


@contextmanager
def listening(speaks: Speaks, address: Address, tls: ServerTls | None) -> Iterator[Listener]:
    """Take the address; a unix socket is gone from the file system afterwards."""
    taken: socket | None = None
    if speaks is Speaks.OTLP_GRPC:
        require_free(address)
    else:
        taken = bind(address)
    try:
        yield Listener(speaks, address, taken, tls if address.path is None else None)
    finally:
        if taken is not None:
            taken.close()
        if address.path is not None:
            Path(address.path).unlink(missing_ok=True)


def edge_of(listener: Listener, tokens: TokenTable | None, receive: ReceiveSettings) -> Edge:
    """Who may send there: anyone on a private socket, and without tokens anyone on this machine, is a producer."""
    bounds = receive.body_limit, receive.patience
    if listener.address.path is not None:
        return Edge("unix", "unix", tokens, *bounds)
    transport = "grpc" if listener.speaks is Speaks.OTLP_GRPC else "http"
    return Edge(transport, LOCAL.name if tokens is None else None, tokens, *bounds)


def server_of(listener: Listener, edge: Edge, applications: Applications) -> Server:
    """The server of a listener; make it on the loop that is to run it. SettingInvalid when the address was lost."""
    if listener.socket is None:
        return _GrpcServer(listener, applications.otlp_grpc(edge))
    if listener.speaks is Speaks.OTLP_HTTP:
        receiver = applications.otlp_http(edge)
        return HttpServer(listener, listener.socket, receiver, receiver.short(limited_http()))
    return HttpServer(listener, listener.socket, applications.audit)


class _GrpcServer:
    def __init__(self, listener: Listener, receiver: GrpcReceiver) -> None:
        self.address = receiver.listen(listener.address, listener.tls)
        self._receiver = receiver

    async def serve(self) -> None:
        await self._receiver.serve(DRAIN_SECONDS)

    def close(self) -> None:
        self._receiver.close()


class HttpServer:
    """Serves one ASGI application on a listener whose address was taken."""

    def __init__(
        self, listener: Listener, taken: socket, application: Any, http: type[HttpToolsProtocol] | None = None
    ) -> None:
        address, tls = listener.address, listener.tls
        self.address = address if address.path is not None else address._replace(port=bound_port(taken))
        self._socket = taken
        config = uvicorn.Config(
            application, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=75, server_header=False,
            http=http or limited_http(), ws="none", proxy_headers=False, timeout_graceful_shutdown=DRAIN_SECONDS,
            ssl_context_factory=None if tls is None else lambda *_: tls.context,
        )  # fmt: skip
        self._server = _QuietServer(config)

    async def serve(self) -> None:
        """As the Protocol says."""
        await self._server.serve(sockets=[self._socket])

    def close(self) -> None:
        """As the Protocol says."""
        self._server.should_exit = True


class _QuietServer(uvicorn.Server):
    """A server among several in one loop: signals are the process's business, not each server's."""

    def capture_signals(self) -> Any:
        """Leave signals alone."""
        return nullcontext()
