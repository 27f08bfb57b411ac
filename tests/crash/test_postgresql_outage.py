# SPDX-License-Identifier: Apache-2.0
"""The server stops, is paused, or has no connection left, under two pods that nobody starts again.

`COUNTERSIGN_LONG` goes round twenty times.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg
import pytest

from audit_sidecar.errors import StoreAway
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import create_store, open_reader
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.crash.shared_log import SharedLog, shared_log
from tests.end_to_end.living import await_true

_ROUNDS = 20 if os.environ.get("COUNTERSIGN_LONG") else 1
_CONNECTIONS = 20


class Outage(NamedTuple):
    """What was seen of one: how long a sidecar took to be unready, and what it answered to an export."""

    what: str
    unready_seconds: float
    refusal: tuple[int, str | None]


class Ordeal(NamedTuple):
    """What is left when all are over."""

    shared: SharedLog
    outages: list[Outage]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that few may use at once."""
    with running(new_server(), f"max_connections={_CONNECTIONS}", "superuser_reserved_connections=0") as made:
        yield made


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """As for an upgrade: sessions are ended, nobody listens."""
    server.stop()
    yield
    server.start(f"max_connections={_CONNECTIONS}", "superuser_reserved_connections=0")


@contextmanager
def paused(server: Server) -> Iterator[None]:
    """As a machine that hangs: connections stay, nothing comes."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def crowded(server: Server) -> Iterator[None]:
    """Strangers hold every connection there is."""
    strangers: list[psycopg.Connection[tuple[object, ...]]] = []
    sessions = "pg_stat_activity WHERE application_name LIKE 'countersign%'"
    try:
        strangers.append(psycopg.connect(server.url("postgres"), autocommit=True))
        while strangers[0].execute(f"SELECT FROM {sessions}").fetchall() or len(strangers) < _CONNECTIONS:
            strangers[0].execute(f"SELECT pg_terminate_backend(pid) FROM {sessions}")
            with suppress(psycopg.OperationalError):
                while True:
                    strangers.append(psycopg.connect(server.url("postgres"), autocommit=True))
        yield
    finally:
        for stranger in strangers:
            stranger.close()


@pytest.fixture(scope="module")
def ordeal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """One after the other, with answers between them."""
    folder = tmp_path_factory.mktemp("outage")
    outages: list[Outage] = []
    with shared_log(folder, server.new_database()) as shared:
        for _ in range(_ROUNDS):
            for fault in (stopped, paused, crowded):
                with fault(server):
                    seconds = shared.unready_after()
                    outages.append(Outage(fault.__name__, seconds, shared.refusal()))
                shared.answered()
    return Ordeal(shared, outages)


def test_a_sidecar_says_soon_that_it_is_not_ready(ordeal: Ordeal) -> None:
    """Within five seconds of silence on an idle machine; the bound here allows for a busy one."""
    assert {outage.what for outage in ordeal.outages if outage.unready_seconds < 15} == {"stopped", "paused", "crowded"}


def test_senders_are_told_to_come_again(ordeal: Ordeal) -> None:
    """503 with Retry-After, whatever is wrong with the server."""
    assert {outage.refusal for outage in ordeal.outages} == {(503, "1")}


def test_nothing_acknowledged_is_lost_and_the_log_is_one(ordeal: Ordeal) -> None:
    """Our fsck of store and archive, and Tessera's of the archive, after both pods went on without a restart."""
    ordeal.shared.require_sound()


def test_a_reader_gives_a_silent_server_up(server: Server) -> None:
    """It is told so while the server is paused, and answered when it goes on."""
    url = server.new_database()
    create_store(url, "log.example.com/asleep")
    reader = open_reader(url)
    assert reader.frontier().size == 0
    with paused(server), pytest.raises(StoreAway, match="silent for 2 s"):
        reader.frontier()
    await_true(lambda: _answers(reader), "an answer of the server that goes on")


def _answers(reader: StoreReader) -> bool:
    try:
        return reader.frontier().size == 0
    except StoreAway:
        return False
