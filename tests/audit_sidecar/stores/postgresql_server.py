# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of our own on loopback: started, stopped, killed, and emptied by making another database."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from contracts.address import free_ports
from scripts import tools
from tests.conformance.outside import outside

_PATIENCE = 60
_SETTINGS = (
    "listen_addresses=127.0.0.1", "max_connections=100", "shared_buffers=64MB", "autovacuum=off",
    "log_min_messages=warning",
)  # fmt: skip


@dataclass
class Server:
    """One cluster. ``fsync`` stays on, as the store demands."""

    folder: Path
    port: int
    programs: Path
    user: str | None
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, *settings: str) -> None:
        """Run it, also after it was killed; it answers when this returns."""
        deadline = time.monotonic() + _PATIENCE
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        while True:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
                     "-k", str(self.folder), *options],
                    stdout=log, stderr=log, user=self.user, cwd=self.folder,
                )  # fmt: skip
            while self.process.poll() is None:
                if self._answers():
                    return
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)
            # The workers of a server that was killed may still hold its memory.
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in an orderly way, without waiting for clients."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it: nothing is written that was not."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """End every process of it at once."""
        self._end(signal.SIGQUIT)

    def pause(self) -> None:
        """Stop every process of it where it stands; connections stay open."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)  # first, so that it makes no more of them
        for child in self._children():
            os.kill(child, signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        assert self.process is not None
        for pid in (*self._children(), self.process.pid):
            os.kill(pid, signal.SIGCONT)

    def _children(self) -> list[int]:
        assert self.process is not None
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def url(self, database: str, user: str = "owner", options: str = "") -> str:
        """A store URL."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{options}"

    def new_database(self) -> str:
        """The URL of an empty database of its own."""
        name = f"log{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """What somebody with every right does; the rows of the last statement."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            done = [connection.execute(statement.encode()) for statement in statements]
            return done[-1].fetchall() if done[-1].description is not None else []

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(_PATIENCE)


NEWEST, DISTRIBUTED = "postgres18", "postgres"


def newest_server() -> Server:
    """The same of the newest PostgreSQL that there is a tool for; of another one only where tools are not required."""
    try:
        tools.find(NEWEST)
    except tools.ToolMissing:
        if not os.environ.get("COUNTERSIGN_REQUIRE_TOOLS"):
            return new_server()
    return new_server(NEWEST)


def new_server(program: str = DISTRIBUTED) -> Server:
    """A server that was never started. Without PostgreSQL the test is skipped, or fails where tools are required."""
    programs = outside(program).resolve().parent
    # PostgreSQL refuses to run as root.
    user = None if os.geteuid() else _other_user()
    folder = Path(tempfile.mkdtemp(prefix="countersign-postgresql-"))
    if user is not None:
        shutil.chown(folder, user)
        if programs.is_relative_to(tools.cache()):  # where another user may not look
            home = tools.find(program).parent
            programs = shutil.copytree(home, folder / "programs", symlinks=True) / programs.relative_to(home)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "owner", "-E", "UTF8"]
    subprocess.run([*command, "--locale", "C"], check=True, capture_output=True, user=user, cwd=folder)
    return Server(folder, free_ports(1)[0], programs, user)


@contextmanager
def running(server: Server, *settings: str) -> Iterator[Server]:
    """Start it, and leave nothing behind."""
    try:
        server.start(*settings)
        yield server
    finally:
        remove(server)


def remove(server: Server) -> None:
    """Leave nothing behind. What it holds is removed, so that it need not write it down first."""
    if server.process is not None and server.process.poll() is None:
        server.abandon()
    shutil.rmtree(server.folder, ignore_errors=True)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
