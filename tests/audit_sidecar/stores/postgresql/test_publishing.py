# SPDX-License-Identifier: Apache-2.0
"""Who publishes, and that no size ever has two roots: the database is asked, whatever a program believes."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from audit_sidecar.errors import AuditError
from audit_sidecar.settings import SidecarSettings
from audit_sidecar.stores.postgresql.grants import SIDECAR
from audit_sidecar.stores.postgresql.writer import LEASE_SECONDS, PostgresWriter
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.stores.url import create_store, open_reader
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.stores.postgresql_server import Server

FAIL_OVER_SECONDS = 5


@pytest.fixture
def url(postgresql: Server) -> str:
    """An empty log."""
    made = postgresql.new_database()
    create_store(made, ORIGIN)
    return made


@pytest.fixture
def pair(url: str) -> Iterator[tuple[PostgresWriter, PostgresWriter]]:
    """Two sidecars' writers."""
    writers = PostgresWriter(url), PostgresWriter(url)
    yield writers
    for writer in writers:
        writer.close()


def test_two_that_both_believe_to_publish_show_one_root_for_a_size(
    pair: tuple[PostgresWriter, PostgresWriter], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lease in the way, at once, with roots of their own: of each size one is kept, the other refused."""
    monkeypatch.setattr(PostgresWriter, "lead", lambda _: True)
    sizes, reader = range(1, 61), open_reader(url)
    kept: dict[int, set[bytes]] = {size: set() for size in sizes}
    gates = {size: threading.Barrier(2) for size in sizes}
    unexpected: list[BaseException] = []

    def publish(writer: PostgresWriter, name: bytes) -> None:
        for size in sizes:
            gates[size].wait(60)
            try:
                writer.put_checkpoint(SignedCheckpoint(size, name * 32, name, size))
                kept[size].add(name)
            except AuditError:
                pass
            except BaseException as error:
                unexpected.append(error)

    threads = [
        threading.Thread(target=publish, args=(writer, name)) for writer, name in zip(pair, (b"a", b"b"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert unexpected == []
    assert all(len(names) == 1 for names in kept.values())
    newest = reader.checkpoint()
    assert newest is not None
    assert (newest.size, newest.root[:1]) == (60, next(iter(kept[60])))


@pytest.mark.parametrize("change", ["root = '\\x01'", "size = size - 1", "size = size - 1, root = '\\x01'"])
def test_the_database_itself_refuses_a_second_root(
    pair: tuple[PostgresWriter, PostgresWriter], url: str, postgresql: Server, change: str
) -> None:
    """Also to a sidecar's login that goes past the program."""
    pair[0].put_checkpoint(SignedCheckpoint(7, bytes(32), b"note", 1))
    postgresql.run("DROP ROLE IF EXISTS bold", "CREATE ROLE bold LOGIN", f"GRANT {SIDECAR} TO bold")
    with (
        psycopg.connect(url.replace("owner@", "bold@")) as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="was signed"),
    ):
        connection.execute(f"UPDATE countersign.checkpoint SET {change}".encode())


def test_a_publisher_that_is_gone_is_replaced_in_time(
    pair: tuple[PostgresWriter, PostgresWriter], url: str, postgresql: Server
) -> None:
    """The lease ends by the server's clock, and every other sidecar asks once a second or more often."""
    slowest = SidecarSettings.__annotations__["checkpoint_interval"].__metadata__[0].le
    assert LEASE_SECONDS + slowest <= FAIL_OVER_SECONDS
    first, second = pair
    assert first.lead()
    first._session.connection.close()  # as a process ends that was killed
    assert not second.lead()
    database = url.rpartition("/")[2]
    left = "SELECT extract(epoch FROM until - clock_timestamp()) FROM countersign.publisher"
    ((seconds,),) = postgresql.run(left, database=database)
    assert 0 < float(str(seconds)) <= LEASE_SECONDS
    postgresql.run("UPDATE countersign.publisher SET until = until - interval '3 s'", database=database)
    assert second.lead()


def test_a_lease_of_a_clock_that_was_set_back_is_none(
    pair: tuple[PostgresWriter, PostgresWriter], url: str, postgresql: Server
) -> None:
    """Or of another server's, which failed: nobody waits for an hour, nor for ever."""
    first, second = pair
    for ahead in ("clock_timestamp() + interval '1 hour'", "'infinity'"):
        assert first.lead()
        assert not second.lead()
        postgresql.run(f"UPDATE countersign.publisher SET until = {ahead}", database=url.rpartition("/")[2])
        assert second.lead()
        first, second = second, first
