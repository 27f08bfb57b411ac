# SPDX-License-Identifier: Apache-2.0
"""The primary is killed under load and its synchronous standby promoted; the URL names both, and nobody restarts a pod.

`COUNTERSIGN_LONG` does it ten times, each time with a new pair of servers.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from audit_sidecar.stores.postgresql.connection import READER, WRITER, connect
from audit_sidecar.stores.url import store_status
from contracts.address import free_ports
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, remove
from tests.crash.shared_log import SharedLog, shared_log
from tests.end_to_end.living import await_true

_ROUNDS = 10 if os.environ.get("COUNTERSIGN_LONG") else 1


@contextmanager
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary that waits for its standby with each commit, and the standby, which follows."""
    primary = new_server()
    standby = replace(primary, folder=primary.folder.with_name(f"{primary.folder.name}-standby"), port=free_ports(1)[0])
    try:
        # Two clusters with one beginning: the standby is a copy of one that never ran.
        shutil.copytree(primary.folder, standby.folder)
        (standby.folder / "data" / "standby.signal").touch()
        subprocess.run(["chown", "-R", str(primary.user or os.geteuid()), str(standby.folder)], check=True)
        standby.folder.joinpath("data").chmod(0o700)
        primary.start("synchronous_standby_names=*")
        standby.start(f"primary_conninfo=host=127.0.0.1 port={primary.port} user=owner application_name=standby")
        synchronous = [("sync",)]
        await_true(
            lambda: primary.run("SELECT sync_state FROM pg_stat_replication") == synchronous, "a synchronous standby",
            lambda: (standby.folder / "log").read_text(),
        )  # fmt: skip
        yield primary, standby
    finally:
        for server in (primary, standby):
            remove(server)


@pytest.fixture(scope="module")
def ordeals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[SharedLog, dict[str, str]]]]:
    """Each with what `store status` says of the server that is left; those servers run until the tests are over."""
    with ExitStack() as servers:
        found = []
        for _ in range(_ROUNDS):
            primary, standby = servers.enter_context(pair())
            primary.run("CREATE DATABASE log")
            both = f"postgresql://owner@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/log?target_session_attrs=read-write"
            with shared_log(tmp_path_factory.mktemp("standby"), both) as shared:
                assert "synchronous standby" in dict(store_status(both))["durability"]
                primary.kill()
                standby.run("SELECT pg_promote()")
                shared.answered()
            found.append((shared, dict(store_status(both))))
        yield found


def test_nothing_acknowledged_is_lost_and_the_log_is_one(ordeals: list[tuple[SharedLog, dict[str, str]]]) -> None:
    """What was answered is on the standby, which goes on with the same log; nothing is there twice."""
    for shared, _ in ordeals:
        shared.require_sound()


def test_of_two_servers_the_primary_is_asked() -> None:
    """Also where the URL does not say so: a standby is behind, and a sidecar that read there would keep spans twice."""
    with pair() as (primary, standby):
        url = f"postgresql://owner@127.0.0.1:{standby.port},127.0.0.1:{primary.port}/postgres"
        for use in (READER, WRITER):
            with connect(url, use) as connection:
                assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        with connect(f"{url}?target_session_attrs=any", READER) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


def test_status_says_that_one_server_is_left(ordeals: list[tuple[SharedLog, dict[str, str]]]) -> None:
    """The promoted one has no standby of its own until somebody gives it one."""
    assert all("no synchronous standby" in status["durability"] for _, status in ordeals)
