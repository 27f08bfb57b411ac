# SPDX-License-Identifier: Apache-2.0
"""A synchronous standby is waited for, also when somebody cancels the waiting: that is no acknowledgement."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit_sidecar.errors import Pushback
from audit_sidecar.sequence.plan import Outcome
from audit_sidecar.stores.url import create_store, store_status
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.end_to_end.living import await_true


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own: what waits for a standby here must hold up no other test."""
    with running(new_server()) as made:
        yield made


def waiting(server: Server, statement: str) -> bool:
    """Whether a session waits for the standby with this statement."""
    query = f"SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '{statement}%'"
    return bool(server.run(query))


def test_a_commit_that_was_not_waited_for_is_acknowledged_only_when_it_is(server: Server) -> None:
    """The server says with a warning alone that it gave up waiting; the next commit that is waited for covers it."""
    url = server.new_database()
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.committer.pause = lambda _: None
    log.writer._session.connection.patience = None  # type: ignore[attr-defined]  # however long this test takes
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    await_true(lambda: server.run("SHOW synchronous_standby_names") == [("nobody",)], "the setting to hold")
    assert "synchronous standby" in dict(store_status(url))["durability"]
    assert "failover" not in dict(store_status(url))["durability"]
    outcomes: list[Outcome] = []
    sender = threading.Thread(target=lambda: outcomes.extend(log.committer.commit([stranger(foreign(1))])))
    sender.start()
    await_true(lambda: waiting(server, "COMMIT"), "a commit that waits for the standby")
    server.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    await_true(lambda: waiting(server, "UPDATE head"), "the commit that makes up for it")
    assert outcomes == [], "the record is in the log, and on one server alone"
    assert log.reader.frontier().size == 2
    server.run("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    sender.join(30)
    assert outcomes == [(log.send(stranger(foreign(1)))[0],)]
    assert log.check().checkpoint.size == 2
    log.writer.close()


def test_nobody_signs_for_what_has_not_reached_the_standby(server: Server) -> None:
    """A checkpoint that a promoted standby has not would make its log look like an older copy."""
    url = server.new_database()
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.send(stranger(foreign(1)))
    assert log.writer.lead()
    log.writer._session.connection.patience = None  # type: ignore[attr-defined]  # however long this test takes
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    await_true(lambda: server.run("SHOW synchronous_standby_names") == [("nobody",)], "the setting to hold")
    with ThreadPoolExecutor(1) as thread:
        leading = thread.submit(log.writer.lead)
        await_true(lambda: waiting(server, "UPDATE publisher"), "a lease that waits for the standby")
        server.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        with pytest.raises(Pushback, match="synchronous standby"):
            leading.result(30)
        server.run("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        await_true(lambda: server.run("SHOW synchronous_standby_names") == [("",)], "the setting to go")
        assert log.writer.lead()
    log.writer.close()
