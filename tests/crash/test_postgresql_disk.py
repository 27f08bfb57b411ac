# SPDX-License-Identifier: Apache-2.0
"""The disk under the server is really full: that of the tables, and that of its own write-ahead log.

The first is an error of one statement. The second ends the server, which then does not start before there is space.
`COUNTERSIGN_LONG` goes round ten times.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.audit_sidecar.stores.postgresql_server import Server, new_server, remove
from tests.crash.alone import require_tool
from tests.crash.shared_log import SharedLog, shared_log
from tests.crash.volume import fill, mount

_ROUNDS = 10 if os.environ.get("COUNTERSIGN_LONG") else 1


class Ordeal(NamedTuple):
    """What is left: the pods' log, and what senders were told each time there was no space."""

    shared: SharedLog
    told: list[tuple[int, str | None]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose tables and whose write-ahead log are each on a small file system of their own."""
    made = new_server()
    volumes = made.folder / "tables", made.folder / "wal"
    mounted: list[Path] = []
    try:
        for volume in volumes:
            volume.mkdir()
            ready = shutil.which("mount") is not None and mount("-t", "tmpfs", "-o", "size=96m", "tmpfs", str(volume))
            require_tool(ready, "mounting a tmpfs")
            mounted.append(volume)
            shutil.chown(volume, made.user or os.geteuid())
        wal = made.folder / "data" / "pg_wal"
        shutil.copytree(wal, volumes[1] / "pg_wal")
        subprocess.run(["chown", "-R", str(made.user or os.geteuid()), str(volumes[1])], check=True)
        shutil.rmtree(wal)
        wal.symlink_to(volumes[1] / "pg_wal")
        made.start("min_wal_size=32MB", "max_wal_size=32MB")
        made.run(f"CREATE TABLESPACE small LOCATION '{volumes[0]}'")
        yield made
    finally:
        remove(made)
        for volume in mounted:
            subprocess.run(["umount", "-l", str(volume)], check=True)
        shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def ordeal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """First the tables' disk, then that of the write-ahead log, with answers between."""
    server.run("CREATE DATABASE log TABLESPACE small")
    told: list[tuple[int, str | None]] = []
    with shared_log(tmp_path_factory.mktemp("disk"), server.url("log")) as shared:
        for _ in range(_ROUNDS):
            filler = fill(server.folder / "tables")
            shared.unready_after()
            told.append(shared.refusal())
            filler.unlink()
            shared.answered()
            filler = fill(server.folder / "wal")
            end_by_full_log(server)
            shared.unready_after()
            told.append(shared.refusal())
            filler.unlink()
            server.start("min_wal_size=32MB", "max_wal_size=32MB")
            shared.answered()
    return Ordeal(shared, told)


def end_by_full_log(server: Server) -> None:
    """Make it ask for new segments of its write-ahead log until it ends for want of them."""
    assert server.process is not None
    while server.process.poll() is None:
        try:
            server.run("SELECT pg_switch_wal()", "SELECT pg_logical_emit_message(true, 'x', repeat('x', 65536))")
        except psycopg.OperationalError:
            continue
    words = (server.folder / "log").read_text()
    assert "No space left on device" in words
    assert "PANIC" in words


def test_senders_are_told_to_come_again(ordeal: Ordeal) -> None:
    """503 with Retry-After."""
    assert set(ordeal.told) == {(503, "1")}


def test_the_server_said_that_there_was_no_space(server: Server, ordeal: Ordeal) -> None:
    """So that this was about a full disk: the tables', too, by a statement's error that ended no process."""
    assert ordeal.told
    assert 'could not extend file "pg_tblspc/' in (server.folder / "log").read_text()


def test_nothing_acknowledged_is_lost_and_the_log_is_one(ordeal: Ordeal) -> None:
    """When there is space again both pods go on without a restart."""
    ordeal.shared.require_sound()
