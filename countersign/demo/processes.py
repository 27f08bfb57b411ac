# SPDX-License-Identifier: Apache-2.0
"""Processes of the demonstration: started like anybody starts them, and killed on purpose."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from contracts.errors import CountersignError
from countersign.stack import Program
from countersign.supervise import answers

_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 20


class DemoFailed(CountersignError):
    """Something did not behave as promised; the message says what."""


class Running:
    """One program as a child process; what it logs goes to a file."""

    def __init__(self, program: Program, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._program = program
        self._log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it is ready."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "countersign", *self._program.arguments]
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=self._environment
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not answers(self._program.ready_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DemoFailed(f"the {self._program.name} did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: no time for a last word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hold(self, seconds: float) -> None:
        """SIGSTOP for a while: alive, and silent."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and wait until it has drained."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def countersign(*arguments: str) -> tuple[int, str]:
    """Run a ``countersign`` command as a user would; its exit code and everything it printed."""
    command = [sys.executable, "-m", "countersign", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
