# SPDX-License-Identifier: Apache-2.0
"""Run one sidecar: open, verify, receive, publish, answer; drain on SIGTERM; end at once on what is Fatal."""

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from audit_sidecar.archive.archiving import Archiving
from audit_sidecar.errors import AuditError, Fatal
from audit_sidecar.guards import open_guards
from audit_sidecar.indexing import Indexing
from audit_sidecar.listeners import (
    DRAIN_SECONDS,
    Applications,
    Listener,
    Server,
    Speaks,
    edge_of,
    listening,
    server_of,
    wanted_addresses,
)
from audit_sidecar.log_keys import announcement, load_signers
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.anchor import Anchoring
from audit_sidecar.publish.publisher import Floor, Publisher
from audit_sidecar.query.app import Doors, build_app
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.query.health import Health
from audit_sidecar.receive.otlp_grpc import GrpcReceiver
from audit_sidecar.receive.otlp_http import OtlpReceiver
from audit_sidecar.receive.room import Room
from audit_sidecar.sequence.committer import Committer
from audit_sidecar.sequence.head import load_head
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.sequence.sequencer import Bounds, Sequencer
from audit_sidecar.sequence.writer_thread import WriterThread
from audit_sidecar.settings import SidecarSettings
from audit_sidecar.stores.store import StoreReader, StoreWriter
from audit_sidecar.stores.url import is_shared, open_indexer, open_reader, open_writer, store_path
from audit_sidecar.tlog.keys import NoteSigner
from contracts.address import Address
from contracts.identifiers import IdSource
from contracts.otlp import AttributeValue
from contracts.release import Release
from contracts.tls import load_server_tls
from contracts.tokens import TokenTable, load_tokens

_log = logging.getLogger(__name__)
_COLLECT_AFTER = (50_000, 20, 100)


class _Sidecar(NamedTuple):
    """The parts of one process."""

    origin: str
    keys: Mapping[str, AttributeValue] | None
    """What a `key` record has to say, when the log does not say it yet."""
    sequencer: Sequencer
    publisher: Publisher
    archiving: Archiving | None
    indexing: Indexing | None
    own: OwnStream
    metrics: SidecarMetrics
    audit: Any
    tokens: TokenTable | None


def run_sidecar(settings: SidecarSettings, version: str) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. SettingInvalid or StoreRefused when it cannot start."""
    tokens = None if settings.tokens is None else load_tokens(Path(settings.tokens))
    tls = load_server_tls(settings.tls_cert, settings.tls_key)
    signers = load_signers(Path(settings.key))
    reader = open_reader(settings.store)
    with ExitStack() as closing:
        writer = open_writer(settings.store, reader)
        closing.callback(writer.close)
        # After the lock is held, so that what is verified is what the log goes on from.
        assemble = _assemble(settings, version, tokens, signers, reader, writer)
        listeners = [
            closing.enter_context(listening(speaks, address, tls))
            for speaks, address in wanted_addresses(settings, tokens)
        ]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(settings, listeners, assemble))


def _assemble(
    settings: SidecarSettings,
    version: str,
    tokens: TokenTable | None,
    signers: Sequence[NoteSigner],
    reader: StoreReader,
    writer: StoreWriter,
) -> Callable[[WriterThread], _Sidecar]:
    verifiers = [signer.verifier for signer in signers]
    head = load_head(reader, verifiers)
    metrics = SidecarMetrics(version, time.time)
    guards = open_guards(settings, reader, head, signers, metrics)
    keys = announcement(verifiers, reader)
    if not is_shared(settings.store):
        metrics.watch_store(store_path(settings.store))
    metrics.tree_size.set(head.frontier.size)
    images = settings.release.images
    release = Release(commit=settings.release.commit, images=None if images is None else tuple(images))
    own = OwnStream(release, version, IdSource(), time.time_ns)
    committer = Committer(head, reader, writer, own, metrics)

    indexer = open_indexer(settings.store)

    def assemble(thread: WriterThread) -> _Sidecar:
        bounds = Bounds(settings.receive.queue_records, settings.receive.queue_bytes)
        sequencer = Sequencer(committer, bounds, thread)
        metrics.queue.set_function(lambda: sequencer.waiting_records)
        anchoring = None if guards.anchor is None else Anchoring(guards.anchor)
        cosign = None if guards.witnessing is None else guards.witnessing.cosign
        floor = Floor(guards.signed, committer.catch_up, anchoring, reader.checkpoint, cosign)
        publisher = Publisher(lambda: committer.frontier, writer, signers, thread, metrics, floor)
        archiver = guards.archiver
        archiving = None if archiver is None else Archiving(archiver, lambda: publisher.leads, metrics)
        indexing = None if indexer is None else Indexing(indexer, lambda: publisher.leads, metrics)
        health = Health(reader, lambda: sequencer.last_success and (anchoring is None or anchoring.holds))
        doors = Doors(tokens, sequencer.record, settings.public_log)
        audit = build_app(Evidence(reader, metrics.verify_failures.inc), health, metrics.registry, doors, version)
        return _Sidecar(verifiers[0].name, keys, sequencer, publisher, archiving, indexing, own, metrics, audit, tokens)

    return assemble


async def _serve(
    settings: SidecarSettings, listeners: list[Listener], assemble: Callable[[WriterThread], _Sidecar]
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with WriterThread("writer") as thread:
        sidecar = assemble(thread)
        servers = _servers(sidecar, listeners, settings)
        sequencing = asyncio.create_task(sidecar.sequencer.run())
        await _open_stream(sidecar)
        _spare_the_collector()
        publishing = asyncio.create_task(sidecar.publisher.run(settings.checkpoint_interval))
        adding = _background(sidecar, settings)
        working = [sequencing, publishing, *adding]
        serving = [asyncio.create_task(server.serve()) for server in servers]
        for listener, server in zip(listeners, servers, strict=True):
            _log.info("%s on %s", listener.speaks.value, _spell(listener, server.address))
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *working, *serving}, return_when=asyncio.FIRST_COMPLETED)
        failure = next((f for task in working if task.done() and (f := task.exception())), None)
        for task in adding:  # nothing follows the last record
            task.cancel()
        for server in servers:
            server.close()
        await asyncio.wait(serving, timeout=DRAIN_SECONDS)
        if failure is None:
            failure = await _close(sidecar)
        for task in (stopping, *working):
            task.cancel()
        await asyncio.gather(stopping, *working, *serving, return_exceptions=True)
    if failure is not None:
        _log.error("ends now: %s", failure)
        return 1
    return 0


async def _open_stream(sidecar: _Sidecar) -> None:
    await sidecar.sequencer.record("release", sidecar.own.release_attributes())
    await sidecar.sequencer.record("heartbeat", {})
    if sidecar.keys is not None:  # before anything is signed with them
        await sidecar.sequencer.record("key", sidecar.keys)


def _background(sidecar: _Sidecar, settings: SidecarSettings) -> list[asyncio.Task[None]]:
    loops = [_beat(sidecar.sequencer, settings.heartbeat)]
    if sidecar.archiving is not None:
        loops.append(sidecar.archiving.run(settings.archive_interval))
    if sidecar.indexing is not None:
        loops.append(sidecar.indexing.run())
    return [asyncio.create_task(loop) for loop in loops]


def _spare_the_collector() -> None:
    # What exists now lives as long as the process; records make many tuples and no cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def _close(sidecar: _Sidecar) -> Exception | None:
    """The last record, the last checkpoint and the last round of the archive of a clean end."""
    sidecar.sequencer.close()
    try:
        await asyncio.wait_for(sidecar.sequencer.record("end", {}), DRAIN_SECONDS)
        await sidecar.publisher.publish()
        if sidecar.archiving is not None and sidecar.publisher.leads:
            await asyncio.wait_for(sidecar.archiving.round(), DRAIN_SECONDS)
    except (AuditError, TimeoutError) as error:
        return error
    return None


async def _beat(sequencer: Sequencer, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        # A full disk is told by readiness; the next heartbeat tries again.
        try:
            await sequencer.record("heartbeat", {})
        except Fatal:
            raise
        except AuditError as error:
            _log.warning("no heartbeat: %s", error)


def _servers(sidecar: _Sidecar, listeners: list[Listener], settings: SidecarSettings) -> list[Server]:
    sequencer, origin, metrics = sidecar.sequencer, sidecar.origin, sidecar.metrics
    room = Room(settings.receive.open_bytes)
    applications = Applications(
        audit=sidecar.audit,
        otlp_http=lambda edge: OtlpReceiver(sequencer, origin, edge, metrics, room),
        otlp_grpc=lambda edge: GrpcReceiver(sequencer, origin, edge, metrics, room),
    )
    edges = [edge_of(listener, sidecar.tokens, settings.receive) for listener in listeners]
    return [server_of(listener, edge, applications) for listener, edge in zip(listeners, edges, strict=True)]


def _spell(listener: Listener, address: Address) -> str:
    if address.path is not None or listener.speaks is Speaks.OTLP_GRPC:
        return f"{address}{'' if listener.tls is None else ' with TLS'}"
    return f"http{'' if listener.tls is None else 's'}://{address}"
