# SPDX-License-Identifier: Apache-2.0
"""The read side as a program of its own, over a store that several programs share.

It holds no log key and needs no right to write: what it reads it verifies like the embedded one, and that somebody
read is recorded through a sidecar of the same log before anything is shown. No record, no answer.
"""

import asyncio
import logging
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvloop
from prometheus_client import CollectorRegistry, Counter, Gauge

from audit_sidecar.listeners import DRAIN_SECONDS, HttpServer, Listener, Speaks, listening, require_not_open
from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.serve_receiver import Receiver
from audit_sidecar.serve_settings import ReadSideSettings
from audit_sidecar.serve_stream import AccessStream, Limits
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import is_shared, open_reader
from contracts import metrics as names
from contracts.address import parse_address
from contracts.endpoint import parse_endpoint
from contracts.errors import SettingInvalid
from contracts.identifiers import IdSource
from contracts.release import Release
from contracts.tls import load_server_tls
from contracts.tokens import TokenTable, load_tokens

_log = logging.getLogger(__name__)
SERVICE_NAME: Final = "countersign-audit-serve"


class _ReadSide(NamedTuple):
    settings: ReadSideSettings
    version: str
    tokens: TokenTable | None
    reader: StoreReader
    receiver: Receiver


def run_read_side(settings: ReadSideSettings, version: str) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. SettingInvalid or StoreRefused when it cannot start."""
    if not is_shared(settings.store):
        raise SettingInvalid(
            f"{settings.store} is a store that one sidecar alone keeps: it serves the audit API itself "
            "('countersign sidecar --audit ADDR'); a read side of its own is for postgresql:// and dynamodb://"
        )
    tokens = None if settings.tokens is None else load_tokens(Path(settings.tokens))
    tls = load_server_tls(settings.tls_cert, settings.tls_key)
    addresses = [parse_address(text) for text in settings.listen]
    for address in addresses:
        require_not_open(Speaks.AUDIT, address, tokens)
    token_file = None if settings.evidence.token_file is None else Path(settings.evidence.token_file)
    endpoint = parse_endpoint(settings.evidence.url, "--evidence", settings.ca_file)
    receiver = Receiver(endpoint, settings.evidence.deadline, token_file)
    side = _ReadSide(settings, version, tokens, open_reader(settings.store), receiver)
    with ExitStack() as closing:
        listeners = [closing.enter_context(listening(Speaks.AUDIT, address, tls)) for address in addresses]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(side, listeners))


async def _serve(side: _ReadSide, listeners: list[Listener]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stream = _stream(side)
    application = _application(side, stream)
    servers = [HttpServer(listener, listener.socket, application) for listener in listeners if listener.socket]
    sending = asyncio.create_task(stream.run())
    serving = [asyncio.create_task(server.serve()) for server in servers]
    for listener, server in zip(listeners, servers, strict=True):
        _log.info("%s on %s", listener.speaks.value, server.address)
    stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, sending, *serving}, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.close()
    await asyncio.wait(serving, timeout=DRAIN_SECONDS)
    stream.close()
    await asyncio.wait({sending}, timeout=DRAIN_SECONDS)
    failure = _failure(sending)
    for task in (stopping, sending):
        task.cancel()
    await asyncio.gather(stopping, sending, *serving, return_exceptions=True)
    if failure is not None:
        _log.error("ends now: %s", failure)
        return 1
    return 0


def _failure(sending: "asyncio.Task[None]") -> str | None:
    if not sending.done():
        return "the last record of its stream could not be sent; completeness will say that it ended without end"
    error = sending.exception()
    return None if error is None else str(error)


def _stream(side: _ReadSide) -> AccessStream:
    release = side.settings.release
    images = None if release.images is None else tuple(release.images)
    own = OwnStream(Release(commit=release.commit, images=images), side.version, IdSource(), time.time_ns, SERVICE_NAME)
    limits = Limits(side.settings.evidence.deadline, side.settings.evidence.heartbeat)
    return AccessStream(own, side.receiver, side.reader.origin(), limits)


def _application(side: _ReadSide, stream: AccessStream) -> Any:
    registry = CollectorRegistry()
    build = Gauge(names.AUDIT_BUILD_INFO, "Always 1; the label says what runs.", ["version"], registry=registry)
    build.labels(side.version).set(1)
    failures = Counter(
        names.AUDIT_VERIFY_FAILURES, "Records that were asked for and are not what was acknowledged.", registry=registry
    )
    queue = Gauge(names.AUDIT_QUEUE, "Records that wait for a commit.", registry=registry)
    queue.set_function(lambda: stream.waiting)
    evidence = Evidence(side.reader, failures.inc)
    doors = Doors(side.tokens, stream.record, side.settings.public_log)
    return build_app(evidence, Health(side.reader, lambda: stream.ready), registry, doors, side.version)
