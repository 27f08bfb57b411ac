# SPDX-License-Identifier: Apache-2.0
"""A whole stack of real processes for end-to-end and crash tests, on ports of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from audit_sidecar.query.evidence import Evidence
from audit_sidecar.stores.url import open_reader
from contracts.address import free_ports
from countersign.stack import Program, Stack
from countersign.state import State, prepare_state

ROOT = Path(__file__).parents[2]
CHURN = ROOT / "models" / "telecom-churn" / "1.0.0"
LOYAL = {"tenure_months": 60, "monthly_charges": 45.0, "total_charges": 2700.0, "num_complaints": 0}
T = TypeVar("T")
LEAVING = {"tenure_months": 1, "monthly_charges": 95.5, "total_charges": 95.5, "num_complaints": 5}


class Reply(NamedTuple):
    """Status, decoded body, headers in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Process:
    """One ``countersign`` command that a test starts, pauses and kills."""

    def __init__(self, program: Program, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.program = program
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.spawn()
        await_true(self.is_ready, f"{self.program.name} ready", lambda: self._log.read_text())

    def spawn(self) -> None:
        """Start it without waiting."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "countersign", *self.program.arguments]
            self.popen = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=self._environment)

    def is_ready(self) -> bool:
        """Whether its readiness probe answers 200; fails when the process has ended."""
        assert self.popen is not None
        assert self.popen.poll() is None, f"{self.program.name} ended: {self._log.read_text()}"
        return ask("GET", self.program.ready_url).status == 200

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.popen is not None
        self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and reap."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code."""
        assert self.popen is not None
        return self.popen.wait(30)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def log(self) -> str:
        """Everything it printed."""
        return self._log.read_text()


class Living:
    """Sidecar and service over one state folder."""

    def __init__(self, folder: Path, bundle: Path = CHURN, environment: Mapping[str, str] | None = None) -> None:
        port, audit_port, metrics_port = free_ports(3)
        self.folder = folder
        self.state: State = prepare_state(folder / "state")
        self.stack = Stack(bundle, self.state, port, audit_port, metrics_port)
        self.sidecar = Process(self.stack.sidecar(), folder / "sidecar.log", environment)
        self.service = Process(self.stack.service(), folder / "service.log", environment)

    def start(self) -> None:
        """Start both."""
        self.sidecar.start()
        self.service.start()

    def stop(self) -> None:
        """Drain both; a clean end is exit code 0."""
        assert self.service.stop() == 0, self.service.log()
        assert self.sidecar.stop() == 0, self.sidecar.log()

    def end(self) -> None:
        """Whatever happened: leave no process behind."""
        for process in (self.service, self.sidecar):
            if process.popen is not None and process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait(30)

    def predict(self, features: Mapping[str, Any], customer: str = "C-1", **headers: str) -> Reply:
        """POST /predict."""
        return self.post("/predict", {"customer_id": customer, **features}, **headers)

    def post(self, path: str, document: Any, **headers: str) -> Reply:
        """POST to the service; header names with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask("POST", self.stack.url + path, json.dumps(document).encode(), named)

    def get(self, path: str, **headers: str) -> Reply:
        """GET from the service."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask("GET", self.stack.url + path, None, named)

    def audit(self, path: str) -> Reply:
        """GET from the audit API."""
        return ask("GET", self.stack.audit_url + path)

    def receipt(self, request_id: str) -> bytes:
        """The receipt's bytes, once a checkpoint covers the record."""
        found = await_value(lambda: self.get(f"/predict/{request_id}/receipt"), lambda reply: reply.status != 202)
        assert found.status == 200, found
        return json.dumps(found.body).encode()

    def evidence(self) -> Evidence:
        """The log, read straight from the store."""
        return Evidence(open_reader(self.state.store))

    def countersign(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would."""
        return countersign(*arguments)

    def fsck(self, *more: str) -> subprocess.CompletedProcess[str]:
        """fsck of the store."""
        return countersign("audit", "fsck", self.state.store, "--key", str(self.state.log_vkey), *more)


@contextlib.contextmanager
def living(folder: Path, **options: Any) -> Iterator[Living]:
    """A running stack that is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Living(folder, **options)
    try:
        stack.start()
        yield stack
    finally:
        stack.end()


def countersign(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``countersign`` as a user would."""
    command = [sys.executable, "-m", "countersign", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def ask(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """One HTTP exchange; a refused connection is status 0."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return _reply(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        return _reply(error.code, error.read(), error.headers)
    except OSError as error:
        return Reply(0, str(error), {})


def _reply(status: int, body: bytes, headers: Any) -> Reply:
    named = {name.lower(): value for name, value in headers.items()}
    is_json = "json" in named.get("content-type", "")
    return Reply(status, json.loads(body) if is_json and body else body, named)


def await_true(condition: Callable[[], bool], what: str, context: Callable[[], str] = lambda: "") -> None:
    """Poll until the condition holds; fails after 30 s, so that a hang is a failure and not a hang."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"not within 30 s: {what}\n{context()}"
        time.sleep(0.02)


def await_value(read: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Poll until a value is as wanted, and return it."""
    found: list[T] = []

    def ready() -> bool:
        found.append(read())
        return wanted(found[-1])

    await_true(ready, "the wanted value", lambda: repr(found[-1:]))
    return found[-1]
