# SPDX-License-Identifier: Apache-2.0
"""One container over its restarts: started, probed, started again after a pause that grows, and stopped.

Whoever owns it calls ``begin`` once and ``stop`` once; its state may be read at any time and is what a status says.
How a process comes to be, and how a probe reaches it, is told by the ``Machine``.
"""

import datetime as dt
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from tests.cluster.kubelet.probing import Probe, Tally, read_probe

Object = dict[str, Any]
_TICK_SECONDS: Final = 0.1
_FIRST_PAUSE: Final = 10.0
_LONGEST_PAUSE: Final = 300.0
_LEAST_GRACE: Final = 2.0
_SIGNAL_BASE: Final = 128


class ImageAway(Exception):
    """There is no such image here; the message says which."""


class Machine(Protocol):
    """What a container runs on."""

    def launch(self, spec: Object, attempt: int) -> subprocess.Popen[bytes]:
        """Start its process; ImageAway when there is nothing to start."""

    def ask(self, spec: Object, probe: Probe, process: subprocess.Popen[bytes]) -> bool:
        """One outcome of a probe."""

    def execute(self, process: subprocess.Popen[bytes], command: list[str], timeout: float) -> bool:
        """Run a command beside its process; whether that ended well."""


class ContainerRun:
    """A container. ``policy`` is Always, OnFailure or Never; ``grace`` what a failing liveness probe leaves it."""

    def __init__(self, spec: Object, policy: str, grace: float, machine: Machine, changed: Callable[[], None]) -> None:
        self.spec, self.policy = spec, policy
        self.state: Object = {"waiting": {"reason": "PodInitializing"}}
        self.last: Object = {}
        self.started, self.ready, self.restarts = False, False, 0
        self.process: subprocess.Popen[bytes] | None = None
        self.ended = threading.Event()
        self._grace, self._machine, self._changed = grace, machine, changed
        self._stopping, self._begun = threading.Event(), ""
        self._thread: threading.Thread | None = None

    @property
    def code(self) -> int | None:
        """The exit code of a container that will not run again."""
        found: int | None = self.state.get("terminated", {}).get("exitCode")
        return found

    def begin(self) -> None:
        """Start it; returns at once."""
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """preStop, SIGTERM, and SIGKILL when the deadline (monotonic) has passed; it has ended when this returns."""
        self._stopping.set()
        process = self.process
        if process is not None and process.poll() is None:
            self._pre_stop(process, deadline)
            _terminate(process, deadline)
        if self._thread is not None:
            self.ended.wait()

    def _pre_stop(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        hook = self.spec.get("lifecycle", {}).get("preStop", {})
        left = max(deadline - time.monotonic(), 0)
        if "sleep" in hook:
            _gone_within(process, min(hook["sleep"]["seconds"], left))
        elif "exec" in hook:
            self._machine.execute(process, hook["exec"]["command"], left)

    def _live(self) -> None:
        pause = 0.0
        while not self._stopping.is_set():
            try:
                process = self._machine.launch(self.spec, self.restarts)
            except ImageAway as away:
                self._say({"waiting": {"reason": "ImagePullBackOff", "message": str(away)}})
                self._stopping.wait(1)
                continue
            if not self._once(process) or self._stopping.is_set():
                break
            self.last = self.state
            if pause:
                self._say({"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {pause:.0f}s"}})
            if self._stopping.wait(pause):
                break
            self.restarts += 1
            pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self.ended.set()
        self._changed()

    def _once(self, process: subprocess.Popen[bytes]) -> bool:
        """From its start to its end; whether it is to be started again."""
        self.process, self._begun = process, _now()
        self._say({"running": {"startedAt": self._begun}})
        if self._stopping.is_set():  # whoever stopped it may have seen no process yet
            _terminate(process, time.monotonic())
        self._attend(process)
        code = process.wait()
        self.started = self.ready = False
        ended = {"exitCode": code if code >= 0 else _SIGNAL_BASE - code, "startedAt": self._begun, "finishedAt": _now()}
        self._say({"terminated": {**ended, "reason": "Error" if code else "Completed"}})
        return self.policy == "Always" or (self.policy == "OnFailure" and code != 0)

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Ask its probes for as long as it runs."""
        startup = self._tally("startupProbe", passing=False)
        while startup is not None and not self.started and process.poll() is None:
            self._consult(startup, process)
            if startup.passing:
                break
            if startup.failed and not self._stopping.is_set():
                _terminate(process, time.monotonic() + self._grace)
            time.sleep(_TICK_SECONDS)
        self.started = process.poll() is None
        self._changed()
        readiness, liveness = self._tally("readinessProbe", passing=False), self._tally("livenessProbe", passing=True)
        while process.poll() is None:
            if readiness is not None:
                self._consult(readiness, process)
            self._be_ready(readiness is None or readiness.passing)
            if liveness is not None and not self._stopping.is_set():
                self._consult(liveness, process)
                if liveness.failed:
                    self._be_ready(False)
                    _terminate(process, time.monotonic() + self._grace)
            time.sleep(_TICK_SECONDS)

    def _tally(self, kind: str, passing: bool) -> Tally | None:
        probe = read_probe(self.spec.get(kind))
        return None if probe is None else Tally(probe, passing, time.monotonic())

    def _consult(self, tally: Tally, process: subprocess.Popen[bytes]) -> None:
        if tally.due(time.monotonic()):
            tally.note(self._machine.ask(self.spec, tally.probe, process), time.monotonic())

    def _be_ready(self, ready: bool) -> None:
        if self.ready != ready:
            self.ready = ready
            self._changed()

    def _say(self, state: Object) -> None:
        self.state = state
        self._changed()


def _terminate(process: subprocess.Popen[bytes], deadline: float) -> None:
    process.terminate()
    if not _gone_within(process, max(deadline - time.monotonic(), _LEAST_GRACE)):
        process.kill()


def _gone_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
