# SPDX-License-Identifier: Apache-2.0
"""What each role may do in the database, statement by statement; PostgreSQL is asked, not our own code."""

import logging

import psycopg
import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql.grants import AUDITOR, ERASER, SIDECAR
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, sidecar_of
from tests.audit_sidecar.stores.postgresql_server import Server

TABLES = (
    "meta", "head", "checkpoint", "publisher", "context", "stream", "leaf", "subtree", "kept", "class", "tally",
    "conflict", "gap",
)  # fmt: skip
LOGINS = {SIDECAR: "a_sidecar", AUDITOR: "an_auditor", ERASER: "an_eraser"}
PAYLOADS = ("kept",)

CHANGES = {table: f"UPDATE {table} SET {column} = {column}" for table, column in {
    "meta": "origin", "head": "size", "checkpoint": "note", "publisher": "until", "context": "digest",
    "stream": "next_seq", "leaf": "leaf_hash", "subtree": "hash", "kept": "span", "class": "label",
    "tally": "records", "conflict": "leaf_index", "gap": "last",
}.items()}  # fmt: skip
ADDITIONS = {
    "leaf": "INSERT INTO leaf SELECT 9, leaf_hash, commitment, kind, month, trace, span, time, stream, seq, about "
            "FROM leaf WHERE leaf_index = 1",
    "subtree": "INSERT INTO subtree VALUES (8, 9, '')",
    "kept": "INSERT INTO kept SELECT 9, context, score, class, month, dictionary, salt, subject, span FROM kept "
            "WHERE leaf_index = 1",
    "class": "INSERT INTO class (digest, kind) VALUES ('x', 1)",
    "tally": "INSERT INTO tally VALUES (9, 1, 1, 1, 1, 1, NULL, NULL)",
    "conflict": "INSERT INTO conflict VALUES (9)",
    "gap": "INSERT INTO gap VALUES (9, '', 0, 0)",
    "context": "INSERT INTO context (digest) VALUES ('x')",
    "stream": "INSERT INTO stream (uuid, producer, release, context, next_seq, first_time, last_time, ended) "
              "SELECT 'x', producer, release, context, next_seq, first_time, last_time, ended FROM stream LIMIT 1",
    "meta": "INSERT INTO meta VALUES (1, 1, 'x', 1)",
    "head": "INSERT INTO head VALUES (1, 1, '')",
    "publisher": "INSERT INTO publisher VALUES (1, '', now())",
    "checkpoint": "INSERT INTO checkpoint VALUES (1, 1, '', '', 1)",
}  # fmt: skip
ADDED_BY_SIDECARS = {
    "leaf",
    "subtree",
    "kept",
    "class",
    "tally",
    "conflict",
    "gap",
    "context",
    "stream",
    "checkpoint",
}
CHANGED_BY_SIDECARS = {"head", "checkpoint", "publisher", "stream"}
STATEMENTS = [
    *((role, f"SELECT count(*) FROM {table}", True) for role in LOGINS for table in TABLES),
    *((role, ADDITIONS[table], role == SIDECAR and table in ADDED_BY_SIDECARS) for role in LOGINS for table in TABLES),
    *((SIDECAR, CHANGES[table], table in CHANGED_BY_SIDECARS) for table in TABLES),
    *((AUDITOR, CHANGES[table], False) for table in TABLES),
    *((ERASER, CHANGES[table], table in PAYLOADS) for table in TABLES),
    *((role, f"DELETE FROM {table}", role == ERASER and table in PAYLOADS) for role in LOGINS for table in TABLES),
    *((role, f"TRUNCATE {table}", False) for role in LOGINS for table in TABLES),
    *((role, f"DROP TABLE {table}", False) for role in LOGINS for table in TABLES),
    *((role, f"ALTER TABLE {table} ADD COLUMN more integer", False) for role in LOGINS for table in TABLES),
    *((role, "UPDATE stream SET producer = ''", False) for role in LOGINS),
    *((role, "UPDATE stream SET context = 1", False) for role in LOGINS),
    *((role, "ALTER TABLE head DISABLE TRIGGER ALL", False) for role in LOGINS),
    *((role, "CREATE TABLE mine (id integer)", False) for role in LOGINS),
    *((role, f"SELECT FROM {table} FOR UPDATE", role == SIDECAR and table in CHANGED_BY_SIDECARS)
      for role in LOGINS for table in ("head", "leaf")),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(postgresql: Server) -> Log:
    """A log with records of every table, and a login of each role."""
    url = postgresql.new_database()
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.send(Producer().export(0, 1, 4))
    log.publish_now()
    log.writer.close()
    for role, login in LOGINS.items():
        postgresql.run(f"CREATE ROLE {login} LOGIN IN ROLE {role}")
    return log


def url_of(log: Log, login: str) -> str:
    return log.url.replace("owner@", f"{login}@")


@pytest.mark.parametrize(
    ("role", "statement", "allowed"), STATEMENTS, ids=[f"{role}: {text}" for role, text, _ in STATEMENTS]
)
def test_a_role_may_do_what_it_is_for(store: Log, role: str, statement: str, allowed: bool) -> None:
    """A leaf is never changed or removed by any of them; what is refused is refused for want of the right (42501)."""
    with psycopg.connect(url_of(store, LOGINS[role])) as connection:
        connection.execute("SET search_path = countersign")
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            assert not allowed
        except psycopg.errors.UniqueViolation:
            assert allowed, "there is such a row already, and the right to add one"
        else:
            assert allowed
        connection.rollback()


def test_a_sidecar_with_its_role_alone_does_all_it_has_to(
    store: Log, postgresql: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Append to every table, publish, read, end; the owner of the tables is warned that it could do more."""
    caplog.set_level(logging.INFO)
    log = sidecar_of(url_of(store, LOGINS[SIDECAR]))
    assert "could change" not in caplog.text
    assert "on disk at one server" in caplog.text
    log.send(Producer(2).export(0, 1, 4))
    log.check()
    log.reload()
    log.writer.close()
    open_writer(store.url).close()
    assert "could change the table leaf" in caplog.text


@pytest.mark.parametrize(
    ("table", "right"),
    [
        ("leaf", "UPDATE (commitment)"),
        ("subtree", "TRUNCATE"),
        ("kept", "UPDATE"),
        ("context", "UPDATE (resource)"),
        ("checkpoint", "DELETE"),
    ],
)
def test_a_sidecar_that_could_do_more_is_warned_of(
    store: Log, postgresql: Server, caplog: pytest.LogCaptureFixture, table: str, right: str
) -> None:
    """Of one column, too: its own role holds it to nothing that another grant gives."""
    database = store.url.rpartition("/")[2]
    postgresql.run(f"GRANT {right} ON countersign.{table} TO {LOGINS[SIDECAR]}", database=database)
    try:
        open_writer(url_of(store, LOGINS[SIDECAR])).close()
    finally:
        postgresql.run(f"REVOKE {right} ON countersign.{table} FROM {LOGINS[SIDECAR]}", database=database)
    assert f"could change the table {table}" in caplog.text


@pytest.mark.parametrize("table", sorted(CHANGED_BY_SIDECARS))
def test_a_sidecar_that_cannot_move_the_log_is_told_before_it_begins(
    store: Log, postgresql: Server, table: str
) -> None:
    """Else it would push back for ever what it is sent, or never sign."""
    database = store.url.rpartition("/")[2]
    columns = {"head": "size, frontier", "stream": "next_seq, last_time, ended", "publisher": "holder, until"}
    right = f"UPDATE ({columns.get(table, 'size, root, note, time')}) ON countersign.{table}"
    postgresql.run(f"REVOKE {right} FROM {SIDECAR}", database=database)
    try:
        with pytest.raises(StoreRefused, match=f"cannot change the table {table}; grant the login its role"):
            open_writer(url_of(store, LOGINS[SIDECAR]))
    finally:
        postgresql.run(f"GRANT {right} TO {SIDECAR}", database=database)


def test_an_auditor_reads_and_is_no_sidecar(store: Log) -> None:
    """Whoever lacks the right to add is told before anything is received, and what to do."""
    auditor = url_of(store, LOGINS[AUDITOR])
    assert open_reader(auditor).origin() == ORIGIN
    with pytest.raises(StoreRefused, match=r"cannot add to the table leaf; grant .* 'countersign store init'"):
        open_writer(auditor)


def test_a_login_without_a_role_is_told_what_to_do(store: Log, postgresql: Server) -> None:
    """Reading needs a role, too."""
    postgresql.run("CREATE ROLE nobody_special LOGIN")
    for opening in (open_reader, open_writer):
        with pytest.raises(StoreRefused, match="grant the login its role"):
            opening(url_of(store, "nobody_special"))
