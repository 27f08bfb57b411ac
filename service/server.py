# SPDX-License-Identifier: Apache-2.0
"""Run the service: listeners, stream, readiness, in that order; and at the end the reverse, without losing a record.

SIGTERM and SIGINT drain: no new connections, requests under way finish, the backlog is flushed, `end` is acknowledged.
A stream that cannot go on ends the process with status 1, for only a new process has a new stream.
"""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from socket import socket
from typing import Any, Final, NamedTuple

import uvicorn
import uvloop
from litestar.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.address import Address, bind, bound_port
from contracts.http_limits import limited_http
from contracts.identifiers import IdSource
from contracts.tls import ServerTls
from service.audit_client import AuditClient
from service.drift.drift import Drift
from service.errors import EvidenceFatal
from service.evidence.exporter import Exporter, Limits
from service.evidence.receiver import Receiver
from service.evidence.stream import Stream
from service.metrics import ServiceMetrics
from service.model_metrics import ModelMetrics
from service.prediction.predictor import Predictor
from service.prepared import Prepared
from service.review import Review
from service.telemetry.lane import Lane
from service.telemetry.start import Origin, start_telemetry
from service.web.app import Parts, build_main_port, build_metrics_app
from service.web.door import Door
from service.web.farewell import Farewell
from service.web.predict_http import predict_http

_LOG: Final = logging.getLogger("countersign.service")
_KEEP_ALIVE: Final = 75
# For a request that was sent before its caller could see that we end; a part of what `drain` allows.
_LINGER: Final = 1.0
_COLLECT_AFTER: Final = (50_000, 20, 100)
_TELEMETRY_FLUSH: Final = 2.0


def run_service(prepared: Prepared) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. Raises SettingInvalid when a port is in use."""
    settings = prepared.settings
    listeners = [
        bind(Address(settings.host, settings.port)),
        bind(Address(settings.host, settings.metrics_port)),
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(prepared, listeners))


class _Running(NamedTuple):
    exporter: Exporter
    exporting: asyncio.Task[None]
    servers: list[uvicorn.Server]
    serving: list[asyncio.Task[None]]
    audit: AuditClient | None
    telemetry: Lane | None
    watching: asyncio.Task[None]


async def _serve(prepared: Prepared, listeners: list[socket]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = _start(prepared, listeners)
    announcing = asyncio.create_task(_announce(prepared, running, listeners))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, running.exporting, *running.serving}, return_when=asyncio.FIRST_COMPLETED)
    ending = (announcing, stopping, running.watching)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
    code = await _drain(running, prepared.settings.drain)
    if running.telemetry is not None:
        # Last, so that neither requests nor evidence wait for a Collector.
        running.telemetry.close(_TELEMETRY_FLUSH)
    return code


def _start(prepared: Prepared, listeners: list[socket]) -> _Running:
    parts = compose(prepared)
    exporting = asyncio.create_task(parts.exporter.run())
    main = build_main_port(parts)
    http = limited_http()
    if main.turns is not None:
        http = predict_http(http, main.turns, parts.max_body)
    farewell = Farewell(min(_LINGER, prepared.settings.drain / 2))
    servers = [
        _server(main.app, http, prepared.tls, farewell),
        _server(build_metrics_app(parts), limited_http(), prepared.tls, Farewell(0)),
    ]
    serving = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    watching = asyncio.create_task(parts.review.watch())
    return _Running(parts.exporter, exporting, servers, serving, parts.audit, parts.telemetry, watching)


def compose(prepared: Prepared, clock: Callable[[], float] = time.time) -> Parts:
    """Put the parts of one process together, on the event loop that will run them; ``clock`` tells the review's day."""
    settings, evidence = prepared.settings, prepared.settings.evidence
    identity = prepared.identity
    stream = Stream(identity, IdSource(), time.time_ns)
    token = None if evidence.token_file is None else Path(evidence.token_file)
    limits = Limits(evidence.deadline, evidence.backlog_records, evidence.backlog_bytes, evidence.heartbeat)
    metrics = ServiceMetrics(prepared.facts())
    exporter = Exporter(stream, Receiver(prepared.receiver, evidence.timeout, token), limits, metrics.committed)
    metrics.watch_backlog(lambda: exporter.backlog.records)
    card = prepared.model.card
    review = Review(card, exporter, clock)
    drift = Drift(card, prepared.baseline, settings.drift.window, time.monotonic, metrics.predictions)
    metrics.watch_model(ModelMetrics(drift, review))
    audit_token = None if settings.audit_token_file is None else Path(settings.audit_token_file)
    telemetry = start_telemetry(
        os.environ, Origin(identity.service_version, stream.stream_id, identity.model_id, identity.model_version)
    )
    if telemetry is not None:
        metrics.watch_telemetry(telemetry.counts)
    return Parts(
        bundle=prepared.model.bundle,
        predictor=Predictor(prepared.model, prepared.key, exporter, metrics, IdSource()),
        exporter=exporter,
        review=review,
        metrics=metrics,
        door=Door(prepared.tokens),
        audit=None if prepared.audit is None else AuditClient(prepared.audit, audit_token),
        max_body=settings.max_body,
        version=identity.service_version,
        telemetry=telemetry,
    )


async def _announce(prepared: Prepared, running: _Running, listeners: list[socket]) -> None:
    if prepared.tokens is None:
        _LOG.info("no tokens are configured: every caller on this machine holds every role as 'local'")
    await running.exporter.started.wait()
    # What exists now lives as long as the process; looking at it again on each collection would stall requests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    host = f"[{prepared.settings.host}]" if ":" in prepared.settings.host else prepared.settings.host
    main, metrics = (bound_port(listener) for listener in listeners)
    card = prepared.model.card
    _LOG.info("serving %s %s, stream %s", card.model_id, card.version, running.exporter.stream.stream_id)
    scheme = "http" if prepared.tls is None else "https"
    _LOG.info("metrics on %s://%s:%d/metrics", scheme, host, metrics)
    _LOG.info("listening on %s://%s:%d", scheme, host, main)


async def _drain(running: _Running, seconds: float) -> int:
    for server in running.servers:
        server.should_exit = True
    await asyncio.wait(running.serving, timeout=seconds)
    # No request is under way any more, so nothing can follow the `end` record.
    running.exporter.close()
    await asyncio.wait({running.exporting}, timeout=seconds)
    if running.audit is not None:
        running.audit.close()
    return await _outcome(running)


async def _outcome(running: _Running) -> int:
    exporting = running.exporting
    if not exporting.done():
        exporting.cancel()
        await asyncio.gather(exporting, return_exceptions=True)
        _LOG.error("stopped before the audit sidecar had acknowledged everything: the stream has no end record")
        return 1
    try:
        exporting.result()
    except EvidenceFatal as error:
        _LOG.error("the evidence stream cannot go on: %s", error)
        return 1
    _LOG.info("stopped; everything is acknowledged")
    return 0


def _server(app: ASGIApp, http: type[HttpToolsProtocol], tls: ServerTls | None, farewell: Farewell) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=farewell.http(http),
        ws="none",
        lifespan="off",
        log_config=None,
        # What strangers send must not fill our log; what breaks in a request is told by the routes.
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        ssl_context_factory=None if tls is None else lambda *_: tls.context,
    )
    return _Server(config, farewell)


class _Server(uvicorn.Server):
    """One of two servers in one loop: signals are the process's business."""

    def __init__(self, config: uvicorn.Config, farewell: Farewell) -> None:
        super().__init__(config)
        self._farewell = farewell

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take no more connections, then part from those that there are."""
        for listening in self.servers:
            listening.close()
        await self._farewell.say(self.server_state)
        await super().shutdown(sockets)

    def capture_signals(self) -> Any:
        """Leave signals alone."""
        return nullcontext()
