# SPDX-License-Identifier: Apache-2.0
"""A log of the schema's first version is brought to today's while sidecars go on: same bytes, same answers."""

from pathlib import Path

import psycopg
import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.postgresql import migrating
from audit_sidecar.stores.postgresql.connection import OWNER, connect
from audit_sidecar.stores.postgresql.grants import ERASER, SIDECAR
from audit_sidecar.stores.postgresql.moving import Mover
from audit_sidecar.stores.store import Finding, Search, StoredRecord, StoreReader
from audit_sidecar.stores.url import migrate_store, open_reader, open_writer, store_status
from audit_sidecar.tlog.merkle import Frontier
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server

SCHEMA = Path(__file__).with_name("schema_of_version_1.sql")
VERSION_1 = (
    "INSERT INTO leaf VALUES (99, '', '', 1, 24321, '', '', 0, NULL, NULL, NULL)",
    "INSERT INTO payload VALUES (99, 24321, 1, '', '')",
    "INSERT INTO finding VALUES (99, '', '', 0.5)",
    "SELECT l.leaf_index, p.salt, p.span, p.context, f.subject FROM leaf AS l LEFT JOIN payload AS p "
    "ON p.leaf_index = l.leaf_index AND p.month = l.month LEFT JOIN finding AS f ON f.leaf_index = l.leaf_index",
    "SELECT size, frontier FROM head FOR UPDATE",
)
"""What a program of version 1 says; its COPY names no columns, so that each table has to have those it knows."""
SEARCHES = (
    Search(), Search(kind="prediction"), Search(subject=f"{3:032x}"), Search(label="churn"), Search(min_score=0.35),
    Search(label="retain", max_score=0.6), Search(model="telecom-churn", version="1.0.0"),
    Search(min_score=float("nan")), Search(request_id=Producer().request_id(4)),
    Search(label="churn", subject=f"{4:032x}"),
)  # fmt: skip


@pytest.fixture
def url(postgresql: Server) -> str:
    """An empty log as a program of version 1 makes it."""
    made = postgresql.new_database()
    with psycopg.connect(made) as connection:
        connection.execute("CREATE SCHEMA countersign")
        connection.execute("SET search_path = countersign")
        for statement in SCHEMA.read_bytes().split(b"\n;\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES (1, 1, %s, 0)", (ORIGIN,))
        connection.execute("INSERT INTO head VALUES (1, 0, %s)", (Frontier().to_bytes(),))
        connection.execute("INSERT INTO publisher VALUES (1, '', '-infinity')")
    return made


def seen(reader: StoreReader) -> tuple[list[StoredRecord], dict[int, Finding], list[tuple[int, list[int]]]]:
    """Everything that can be asked: records, what they are found by, and what searches find."""
    size = reader.frontier().size
    found = [(reader.count(s), [record.leaf_index for record, _ in reader.search(s, 9)]) for s in SEARCHES]
    return list(reader.records(0, size)), reader.findings(0, size), found


def rows(server: Server, url: str, table: str) -> int:
    """How many a table has."""
    ((count,),) = server.run(f"SELECT count(*) FROM countersign.{table}", database=url.rpartition("/")[2])
    assert isinstance(count, int)
    return count


def test_a_log_is_brought_here_step_by_step_while_a_sidecar_goes_on(postgresql: Server, url: str) -> None:
    """Refused at first; then in the form that programs of version 1 know; then moved; then rid of what is left."""
    for opening in (open_reader, open_writer):
        with pytest.raises(StoreRefused, match="run 'countersign store migrate'"):
            opening(url)
    for _ in range(2):  # one more does nothing while a program of version 1 is connected
        with psycopg.connect(url, application_name="countersign"):
            told = migrate_store(url)
            assert "schema version 2" in told[0]
            assert "run 'countersign store migrate' again" in told[1]
            assert dict(store_status(url))["schema"] == "version 2"
    log = sidecar_of(url)
    log.send(Producer().export(*range(12)))
    log.send(stranger(foreign(1), foreign(1, "conflict"), foreign(2)))
    assert (rows(postgresql, url, "payload"), rows(postgresql, url, "kept")) == (16, 0)
    before = seen(log.reader)
    assert [count for count, _ in before[2]] == [16, 11, 2, 8, 6, 2, 12, 0, 1, 1]
    log.check()

    done = migrate_store(url)
    assert done[:2] == ["moved 16 records into the form of today", "schema version 4 is current"]
    assert (rows(postgresql, url, "payload"), rows(postgresql, url, "finding"), rows(postgresql, url, "kept")) == (
        0,
        0,
        16,
    )
    assert seen(log.reader) == seen(open_reader(url)) == before
    log.send(Producer().export(*range(14)))
    assert rows(postgresql, url, "kept") == 18
    assert migrate_store(url) == ["schema version 4 is current"]
    assert log.check().checkpoint.size == 18
    assert dict(store_status(url))["schema"] == "version 4"
    log.writer.close()


def test_programs_of_version_1_run_on_version_2_and_no_further(postgresql: Server, url: str) -> None:
    """Their statements are taken from the sidecar's role, and refused once today's form is written."""
    migrate_store(url)
    sidecar_of(url).writer.close()
    postgresql.run("DROP ROLE IF EXISTS earlier", "CREATE ROLE earlier LOGIN", f"GRANT {SIDECAR} TO earlier")

    def taken() -> list[bool]:
        answers = []
        for statement in VERSION_1:
            with psycopg.connect(url.replace("owner@", "earlier@")) as connection:
                connection.execute("SET search_path = countersign")
                try:
                    connection.execute(statement.encode())
                    answers.append(True)
                except psycopg.errors.InsufficientPrivilege:
                    answers.append(False)
                connection.rollback()
        return answers

    assert taken() == [True] * 5
    migrate_store(url)
    assert taken() == [True, False, False, True, True]


def test_what_interrupts_the_move_is_made_up_for(postgresql: Server, url: str) -> None:
    """Some records in one form and some in the other are one log, to which sidecars append; erasing goes on, too."""
    migrate_store(url)
    log = sidecar_of(url)
    log.send(Producer().export(*range(12)))
    before = seen(log.reader)
    with connect(url, OWNER) as connection:
        migrating._switch(connection)
        assert seen(log.reader) == before
        Mover(connection, step=5).move(0)
    assert (rows(postgresql, url, "payload"), rows(postgresql, url, "kept")) == (8, 5)
    assert seen(log.reader) == before
    log.send(Producer().export(*range(10, 16)))
    assert rows(postgresql, url, "kept") == 9
    between = seen(log.reader)
    assert between[0][:13] == before[0]
    log.check()
    postgresql.run("DROP ROLE IF EXISTS erasing_now", "CREATE ROLE erasing_now LOGIN", f"GRANT {ERASER} TO erasing_now")
    with psycopg.connect(url.replace("owner@", "erasing_now@")) as eraser:
        for table in ("payload", "finding"):
            eraser.execute(f"DELETE FROM countersign.{table} WHERE leaf_index = 9".encode())
    assert migrate_store(url)[0] == "moved 7 records into the form of today"
    after = seen(log.reader)
    assert after[0][9] == between[0][9]._replace(salt=None, payload=None)
    assert [record for record in after[0] if record.leaf_index != 9] == between[0][:9] + between[0][10:]
    log.writer.close()
