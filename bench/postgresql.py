# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server for one run, on loopback and on a disk, with its settings as they are shipped."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from bench import machine
from bench.errors import BenchFailed
from contracts.address import free_ports
from scripts import tools

_START_SECONDS: Final = 60


class Database(NamedTuple):
    """A server that runs."""

    port: int
    version: str

    def create(self, name: str) -> str:
        """The store URL of an empty database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://owner@127.0.0.1:{self.port}/{name}"

    def size(self, name: str) -> int:
        """Bytes on disk, all indexes included, after what was written has reached the files."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return 0 if row is None else int(row[0])

    def largest(self, name: str) -> list[tuple[str, int]]:
        """Tables and indexes with their bytes, the largest first; those of a partition under their own names."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            return connection.execute(
                "SELECT relname::text, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't') "
                "AND pg_relation_size(oid) > 1 << 20 ORDER BY 2 DESC"
            ).fetchall()


@contextmanager
def running(folder: Path) -> Iterator[Database]:
    """Make a cluster, run it, and leave nothing behind. BenchFailed where there is none to be had on a disk."""
    try:
        programs = tools.find("postgres").resolve().parent
    except tools.ToolMissing as missing:
        raise BenchFailed(str(missing)) from missing
    # It refuses to run as root, and another user cannot be expected to reach into our folder.
    user = None if os.geteuid() else _other_user()
    place = Path(tempfile.mkdtemp(prefix="countersign-bench-", dir=folder if user is None else "/var/tmp"))  # noqa: S108
    try:
        if machine.file_system(place) in machine.IN_MEMORY:
            raise BenchFailed(f"{place} is in memory, where nothing is durable")
        if user is not None:
            shutil.chown(place, user)
        yield from _run(programs, place, user)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(programs: Path, place: Path, user: str | None) -> Iterator[Database]:
    data, port = place / "data", free_ports(1)[0]
    command = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale", "C"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, user=user, cwd=place)
    if done.returncode != 0:
        raise BenchFailed(f"PostgreSQL could not make a cluster: {done.stderr.strip()[-300:]}")
    with (place / "log").open("ab") as log:
        server = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(place),
             "-c", "listen_addresses=127.0.0.1"],
            stdout=log, stderr=log, user=user, cwd=place,
        )  # fmt: skip
    try:
        yield Database(port, _version(port, server, place / "log"))
    finally:
        server.send_signal(signal.SIGINT)  # the kind of end that waits for no client
        server.wait(_START_SECONDS)


def _version(port: int, server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with psycopg.connect(f"postgresql://owner@127.0.0.1:{port}/postgres") as connection:
                return f"PostgreSQL {connection.info.server_version // 10_000}"
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace").strip().splitlines()[-1:] or [str(error)]
                raise BenchFailed(f"PostgreSQL did not start: {words[0][:300]}") from error
            time.sleep(0.05)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
