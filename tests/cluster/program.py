# SPDX-License-Identifier: Apache-2.0
"""A program of somebody else's that a test starts and ends by its process id; what it prints is kept in a file.

A run of tests that is killed takes its programs along: they end with the thread that started them.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_TO_END_SECONDS: Final = 20


class Program:
    """One process; it is in the network namespace of the thread that starts it."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        words = ["setpriv", "--pdeathsig", "KILL", *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )  # fmt: skip

    def check(self) -> None:
        """Fail with its last words when it has ended."""
        code = self._process.poll()
        assert code is None, f"{self.name} ended with {code}: {self.last_words()}"

    def last_words(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_TO_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
