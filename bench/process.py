# SPDX-License-Identifier: Apache-2.0
"""Server processes under measurement: start, wait until ready, read CPU and memory from /proc, stop."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.errors import BenchFailed
from countersign.supervise import answers

_TICK: Final = os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 60
ROOT: Final = Path(__file__).resolve().parent.parent


class Server:
    """One server in a session of its own, so that its children count as it; its output goes to ``log``."""

    def __init__(self, name: str, command: Sequence[str], ready_url: str, log: Path) -> None:
        self.name = name
        self._command = command
        self._ready_url = ready_url
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it is ready. BenchFailed, with its last words, when it does not get there."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not answers(self._ready_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
                self.stop()
                raise BenchFailed(f"{self.name} did not start: {words[0][:300]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The process, which is also its session."""
        if self._process is None:
            raise BenchFailed(f"{self.name} is not running")
        return self._process.pid

    def cpu_seconds(self) -> float:
        """User and system time of the session so far."""
        return sum((int(stat[11]) + int(stat[12])) / _TICK for stat in self._stats())

    def memory_mb(self) -> float:
        """Resident memory of the session now, in MiB."""
        return sum(int(stat[21]) for stat in self._stats()) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def stop(self) -> None:
        """Ask it to end; after 30 s, end it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _stats(self) -> Iterator[list[str]]:
        session = str(self.pid)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                # Fields after the command's name, which may hold spaces: state is 0, session 3 (proc_pid_stat(5)).
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if stat[3] == session:
                yield stat
