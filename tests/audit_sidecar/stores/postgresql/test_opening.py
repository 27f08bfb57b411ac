# SPDX-License-Identifier: Apache-2.0
"""What a store in PostgreSQL is refused for, in words that say how to mend it; and what is said of one that is not."""

import logging

import psycopg
import pytest

from audit_sidecar.errors import Fatal, Pushback, StoreRefused
from audit_sidecar.stores.url import create_store, migrate_store, open_reader, open_writer, shown, store_status
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server


@pytest.fixture
def url(postgresql: Server) -> str:
    """An empty log."""
    made = postgresql.new_database()
    create_store(made, ORIGIN)
    return made


def database_of(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.mark.parametrize("name", ["synchronous_commit"])
def test_a_database_that_does_not_wait_for_its_disk_is_refused(postgresql: Server, url: str, name: str) -> None:
    """To create, to write, and in `store status`; reading goes on."""
    postgresql.run(f"ALTER DATABASE {database_of(url)} SET {name} = off")
    with pytest.raises(StoreRefused, match=f"set {name} = on"):
        open_writer(url)
    assert open_reader(url).origin() == ORIGIN
    assert f"{name} = off" in dict(store_status(url))["durability"]
    other = postgresql.new_database()
    postgresql.run(f"ALTER DATABASE {database_of(other)} SET {name} = off")
    with pytest.raises(StoreRefused, match=f"set {name} = on"):
        create_store(other, ORIGIN)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_it_said_is_refused(postgresql: Server, url: str, name: str) -> None:
    """Settings of the whole server; a reload is enough to switch them off, so a reconnection asks again."""
    postgresql.run(f"ALTER SYSTEM SET {name} = off", "SELECT pg_reload_conf()")
    try:
        deadline = 200
        while postgresql.run(f"SHOW {name}") != [("off",)] and deadline:
            deadline -= 1
        with pytest.raises(StoreRefused, match=f"set {name} = on"):
            open_writer(url)
    finally:
        postgresql.run(f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")
        while postgresql.run(f"SHOW {name}") != [("on",)]:
            pass


def test_a_lost_connection_is_made_again_only_to_a_durable_server(postgresql: Server, url: str) -> None:
    """A setting that was changed meanwhile pushes back instead of acknowledging."""
    log = sidecar_of(url)
    postgresql.run(f"ALTER DATABASE {database_of(url)} SET synchronous_commit = off")
    hang_up(postgresql, url)
    with pytest.raises(Pushback):
        log.send(stranger(foreign(1)))
    log.writer._session._not_before = 0.0  # type: ignore[attr-defined]
    with pytest.raises(Pushback, match="set synchronous_commit = on"):
        log.send(stranger(foreign(1)))
    postgresql.run(f"ALTER DATABASE {database_of(url)} RESET synchronous_commit")
    log.writer._session._not_before = 0.0  # type: ignore[attr-defined]
    assert log.send(stranger(foreign(1)))[0].leaf_index == 1
    log.writer.close()


def hang_up(server: Server, url: str) -> None:
    """End every session of a database, as an administrator or a proxy may."""
    server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database_of(url)}'")


@pytest.mark.parametrize("table", ["leaf", "kept"])
def test_a_read_that_takes_too_long_pushes_back(postgresql: Server, url: str, table: str) -> None:
    """Also within a turn, where it ends no process: a lock that an administrator took, a disk that is busy."""
    log = sidecar_of(url)
    first = log.send(stranger(foreign(1)))
    with psycopg.connect(url) as somebody:
        somebody.execute(f"LOCK TABLE countersign.{table}".encode())
        with pytest.raises(Pushback, match="longer than a second"):
            log.send(stranger(foreign(1)))
    assert log.send(stranger(foreign(1))) == first
    log.writer.close()


def test_a_store_that_was_replaced_under_a_sidecar_is_fatal(postgresql: Server, url: str) -> None:
    """Another log behind the same URL is never appended to."""
    log = sidecar_of(url)
    postgresql.run("UPDATE countersign.meta SET origin = 'log.example.com/other'", database=database_of(url))
    hang_up(postgresql, url)
    with pytest.raises(Pushback):
        log.writer.lead()
    with pytest.raises(Fatal, match="it was replaced"):
        log.writer.lead()


def test_back_off_grows_and_ends_with_the_outage(postgresql: Server, url: str) -> None:
    """While the server is away nobody waits: a sender is told at once, and connecting is tried ever more rarely."""
    log = sidecar_of(url)
    session = log.writer._session  # type: ignore[attr-defined]
    database = database_of(url)
    postgresql.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    hang_up(postgresql, url)
    try:
        with pytest.raises(Pushback):
            log.send(stranger(foreign(1)))
        for _ in range(3):
            session._not_before = 0.0
            with pytest.raises(Pushback, match="cannot reach"):
                log.send(stranger(foreign(1)))
            with pytest.raises(Pushback, match="come again"):
                log.send(stranger(foreign(1)))
        assert session._failures == 3
    finally:
        postgresql.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    session._not_before = 0.0
    log.send(stranger(foreign(1)))
    assert session._failures == 0
    log.writer.close()


def test_versions_run_with_their_own_schema_and_the_next(postgresql: Server, url: str) -> None:
    """So that programs can be replaced one by one; older and much newer schemas are refused with what mends it."""
    database = database_of(url)
    for version, refusal in ((1, "store migrate"), (6, "install a newer one")):
        postgresql.run(f"UPDATE countersign.meta SET version = {version}", database=database)
        for opening in (open_reader, open_writer):
            with pytest.raises(StoreRefused, match=refusal):
                opening(url)
    postgresql.run("UPDATE countersign.meta SET version = 5", database=database)
    open_writer(url).close()
    assert dict(store_status(url))["schema"] == "version 5"


def test_migrate_makes_the_partitions_of_months_to_come(postgresql: Server, url: str) -> None:
    """What was taken away comes back; a second time there is nothing to do; rows that came early stay readable."""
    database = database_of(url)
    partitions = "SELECT relname FROM pg_class WHERE relname LIKE 'kept_of_2%' AND relkind = 'r' ORDER BY relname"
    before = postgresql.run(partitions, database=database)
    assert len(before) == 13
    assert migrate_store(url) == ["schema version 4 is current"]
    postgresql.run(*(f"DROP TABLE countersign.{name}" for (name,) in before), database=database)
    log = sidecar_of(url)
    log.send(stranger(foreign(1)))
    done = migrate_store(url)
    assert "made 12 partitions" in done[1], "this month has rows already, which stay where they are"
    log.send(stranger(foreign(2)))
    assert log.check().checkpoint.size == 3
    assert postgresql.run(partitions, database=database) == before[1:]
    log.writer.close()


def test_payloads_lie_in_the_partition_of_their_month(postgresql: Server, url: str) -> None:
    """Not in the one that takes what has no other."""
    log = sidecar_of(url)
    log.writer.close()
    rows = "SELECT count(*) FROM countersign.kept_of_other_months"
    assert postgresql.run(rows, database=database_of(url)) == [(0,)]


def test_an_owner_that_may_make_no_roles_is_told_what_is_left(postgresql: Server) -> None:
    """The log is made; the statements for somebody with the right are given whole."""
    url = postgresql.new_database()
    postgresql.run("CREATE ROLE maker LOGIN", f"GRANT CREATE ON DATABASE {database_of(url)} TO maker")
    for role in ("countersign_sidecar", "countersign_auditor", "countersign_eraser"):
        postgresql.run(f"ALTER ROLE {role} RENAME TO {role}_x")
    try:
        left = create_store(url.replace("owner@", "maker@"), ORIGIN)
    finally:
        for role in ("countersign_sidecar", "countersign_auditor", "countersign_eraser"):
            postgresql.run(f"ALTER ROLE {role}_x RENAME TO {role}")
    assert "CREATE ROLE countersign_sidecar NOLOGIN;" in left
    given = [statement for statement in left if not statement.startswith("CREATE ROLE")]
    postgresql.run("\n".join(given), database=database_of(url))
    sidecar_of(url).writer.close()


def test_no_password_is_ever_shown() -> None:
    """In messages a URL has user, host and database."""
    secret = "postgresql://me:hunter2@127.0.0.1:1/log?sslmode=disable&password=hunter3"
    assert shown(secret) == "postgresql://me@127.0.0.1:1/log"
    for opening in (open_reader, open_writer):
        with pytest.raises(StoreRefused) as caught:
            opening(secret)
        assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("password", ["hunter%zz", "hunter 2", "hunter/2", "2/hunter", "hunter@2"])
@pytest.mark.parametrize("scheme", ["postgresql", "PostgreSQL", "postgresq"])
def test_of_a_url_that_cannot_be_read_nothing_is_shown(scheme: str, password: str) -> None:
    """A password that should have been percent-encoded, a scheme that is misspelt."""
    url = f"{scheme}://me:{password}@127.0.0.1:1/log"
    for opening in (open_reader, open_writer, migrate_store):
        with pytest.raises(StoreRefused, match=r"want .*postgresql://user@host/database") as caught:
            opening(url)
        assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("bad", ["postgresql://[", "postgresql://h/d?nosuchoption=1"])
def test_a_url_that_cannot_be_read_is_refused(bad: str) -> None:
    """In one line."""
    with pytest.raises(StoreRefused, match="want postgresql://user@host/database"):
        open_reader(bad)


def test_status_says_who_publishes_and_how_durable_it_is(
    postgresql: Server, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A synchronous standby makes another class; so does the lease of a sidecar."""
    caplog.set_level(logging.INFO)
    writer = open_writer(url)
    assert dict(store_status(url))["publisher"] == "no sidecar holds the lease"
    assert writer.lead()
    assert dict(store_status(url))["publisher"] == "a sidecar holds the lease"
    writer.close()
    assert dict(store_status(url))["publisher"] == "no sidecar holds the lease"
    assert "no synchronous standby" in dict(store_status(url))["durability"]
    assert "no synchronous standby" in caplog.text
