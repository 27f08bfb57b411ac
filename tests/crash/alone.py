# SPDX-License-Identifier: Apache-2.0
"""One real sidecar process with one producer, whose ledger holds every acknowledgement that ever reached it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from audit_sidecar.fsck.check import SoundLog
from audit_sidecar.fsck.store import check_store
from audit_sidecar.stores.url import open_reader
from contracts.acknowledgement import Position, decode_acknowledgement
from contracts.address import free_ports
from contracts.otlp import encode_export
from contracts.semconv import ACK_HEADER
from countersign.state import State, prepare_state
from countersign.verifier_keys import load_verifiers
from tests.audit_sidecar.producers import Producer
from tests.end_to_end.living import ROOT, Reply, ask, await_true

EXPORTS = [range(first, first + 3) for first in range(0, 18, 3)]
"""The scripted load: six exports of three records."""


class Alone:
    """A sidecar over one store, and its producer."""

    def __init__(self, folder: Path, state: State | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = prepare_state(folder / "state") if state is None else state
        self.audit = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.ledger: dict[int, Position] = {}
        """Sequence number to position, of everything acknowledged."""
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self, *prefix: str, anchor: Path | None = None) -> None:
        """Start it, under another command if one is given, and wait until it is ready or has ended."""
        command = [
            *prefix, sys.executable, "-m", "countersign", "sidecar", "--store", self.state.store, "--key",
            str(self.state.log_key), "--otlp-http", f"unix:{self.state.socket}",
            "--audit", self.audit.removeprefix("http://"), *([] if anchor is None else ["--anchor", str(anchor)]),
        ]  # fmt: skip
        environment = {**os.environ, "COUNTERSIGN_HEARTBEAT": "0.5"}
        with (self.folder / "sidecar.log").open("ab") as log:
            self.popen = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=environment)
        await_true(lambda: self.ended is not None or self.get("/livez").status == 200, "a listening sidecar", self.log)

    @property
    def ended(self) -> int | None:
        """The exit code, once there is one."""
        assert self.popen is not None
        return self.popen.poll()

    def get(self, path: str) -> Reply:
        """Ask the audit API."""
        return ask("GET", self.audit + path)

    def metric(self, name: str) -> float:
        """One series without labels."""
        text = self.get("/metrics").body.decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def log(self) -> str:
        """What the process printed."""
        return (self.folder / "sidecar.log").read_text()

    def export(self, seqs: Sequence[int]) -> tuple[int, dict[str, str]]:
        """Send records; status and headers, 0 when there was no answer. A 200 goes into the ledger."""
        producer = Producer()
        records = [producer.record(seq) for seq in seqs]
        context = records[0].context
        body = encode_export(context.resource or b"", context.scope or b"", [record.span for record in records])
        connection = http.client.HTTPConnection("sidecar")
        try:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(20)
            connection.sock.connect(str(self.state.socket))
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf", ACK_HEADER: "1"})
            reply = connection.getresponse()
            answer = reply.read()
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()
        if reply.status == 200:
            self._enter(seqs, decode_acknowledgement(answer).positions)
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}

    def _enter(self, seqs: Sequence[int], positions: Sequence[Position]) -> None:
        for seq, position in zip(seqs, positions, strict=True):
            # An acknowledgement given twice names the same leaf twice.
            assert self.ledger.setdefault(seq, position) == position

    def terminate(self) -> None:
        """SIGTERM."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code, when it has ended."""
        assert self.popen is not None
        return self.popen.wait(30)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.terminate()
        return self.wait()

    def end(self) -> None:
        """Leave no process behind."""
        if self.popen is not None and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(30)

    def recover(self) -> SoundLog:
        """Start it anew without whatever was wrong, send everything again, stop it, and check ledger and log."""
        self.start()
        assert self.ended is None, self.log()
        await_true(lambda: self.get("/readyz").status == 200, "ready", self.log)
        for seqs in EXPORTS:
            assert self.export(seqs)[0] == 200, self.log()
        assert self.stop() == 0, self.log()
        return self.check()

    def check(self) -> SoundLog:
        """Acknowledged is in the log where the acknowledgement says, and the log is sound."""
        reader = open_reader(self.state.store)
        kept = reader.leaf_hashes(0, reader.frontier().size)
        for seq, position in self.ledger.items():
            assert position.leaf_index < len(kept), f"record {seq} is lost"
            assert kept[position.leaf_index] == position.leaf_hash, f"record {seq} is another"
        return check_store(reader, load_verifiers(str(self.state.log_vkey)))


def require_tool(found: object, what: str) -> None:
    """Skip with a reason where a tool or right is lacking; fail where all are required."""
    if found:
        return
    if os.environ.get("COUNTERSIGN_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{what} is required here (COUNTERSIGN_REQUIRE_TOOLS=1)")
    pytest.skip(f"{what} is not available")
