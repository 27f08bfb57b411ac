# SPDX-License-Identifier: Apache-2.0
"""Run programs as child processes: start in order, restart what dies, stop in the opposite order."""

import asyncio
import ctypes
import signal
import sys
import time
import urllib.error
import urllib.request
from typing import Final

from contracts.errors import CountersignError
from countersign.stack import Program

_STOP_SECONDS: Final = 20
_PR_SET_PDEATHSIG: Final = 1
_READY_SECONDS: Final = 60
_STEADY_SECONDS: Final = 30
"""A process that ran this long is restarted at once again."""


class StartFailed(CountersignError):
    """A program ended before it was ready; its own words stand above."""


class Child:
    """One program under supervision. It is restarted at once when it dies, then with delays of at most a second."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Start it and return when it is ready; StartFailed when it ends or is not ready in time."""
        await self._spawn()
        deadline = time.monotonic() + _READY_SECONDS
        while not await asyncio.to_thread(answers, self.program.ready_url):
            if self._process is None or self._process.returncode is not None:
                raise StartFailed(f"{self.program.name} ended before it was ready")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.program.name} was not ready within {_READY_SECONDS} s")
            await asyncio.sleep(0.05)
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to drain, and wait; kill it if it does not."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _spawn(self) -> None:
        # Its own session: Ctrl-C reaches only us, and we stop children in an order in which nothing is lost.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "countersign", *self.program.arguments,
            start_new_session=True, preexec_fn=_end_with_parent,
        )  # fmt: skip

    async def _keep(self) -> None:
        delay = 0.0
        while self._process is not None:
            started = time.monotonic()
            code = await self._process.wait()
            if self._stopping:
                return
            delay = 0.0 if time.monotonic() - started > _STEADY_SECONDS else delay
            print(f"up: {self.program.name} ended with {code}; starting it again", file=sys.stderr)
            await asyncio.sleep(delay)
            delay = min(1.0, delay * 2 or 0.125)
            await self._spawn()


def _end_with_parent() -> None:
    # Runs in the child before it becomes our program: a supervisor that is killed leaves no process behind that holds
    # its ports and its store. Linux: prctl(2), PR_SET_PDEATHSIG.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200 just now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (our own http URLs only)
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError, ValueError):
        return False
