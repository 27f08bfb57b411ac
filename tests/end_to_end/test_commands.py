# SPDX-License-Identifier: Apache-2.0
"""The command line as its users type it, on a living log and on a stopped one."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.address import free_ports
from countersign.stack import Program
from tests.end_to_end.living import CHURN, LEAVING, LOYAL, Living, Process, ask, await_true, countersign


@pytest.mark.parametrize("where", ["store", "api"])
def test_a_customer_is_found_by_name_with_the_subject_key(stack: Living, where: str) -> None:
    """The auditor's question: what did the model say of customer X? Asked of the store and of the audit API."""
    customer = f"C-{where}"
    said = [stack.predict(features, customer=customer).body for features in (LOYAL, LEAVING)]
    stack.predict(LOYAL, customer="somebody else")
    source = stack.state.store if where == "store" else stack.stack.audit_url
    found = countersign(
        "audit", "search", source, "--customer", customer, "--subject-key", str(stack.state.subject_key), "--json"
    )
    assert found.returncode == 0, found
    entries = [json.loads(line) for line in found.stdout.splitlines()]
    assert [entry["request_id"] for entry in entries] == [answer["request_id"] for answer in reversed(said)]
    assert customer not in found.stdout


@pytest.mark.parametrize("where", ["store", "api"])
def test_a_record_is_shown_whole(stack: Living, where: str) -> None:
    """Record, release and annotations."""
    answer = stack.predict(LEAVING).body
    source = stack.state.store if where == "store" else stack.stack.audit_url
    shown = countersign("audit", "show", source, answer["request_id"], "--json")
    document = json.loads(shown.stdout)
    assert document["record"]["label"] == "churn"
    assert document["release"]["kind"] == "release"
    plain = countersign("audit", "show", source, answer["request_id"])
    assert answer["request_id"] in plain.stdout
    missing = countersign("audit", "show", source, "01890000-0000-7000-8000-000000000000")
    assert missing.returncode == 2
    assert "no record" in missing.stderr


def test_a_proof_is_written(stack: Living) -> None:
    """The proof is a c2sp.org/tlog-proof@v1."""
    answer = stack.predict(LEAVING).body
    stack.receipt(answer["request_id"])
    proof = countersign("audit", "proof", stack.state.store, answer["request_id"])
    assert proof.stdout.startswith("c2sp.org/tlog-proof@v1\n")


def test_completeness_is_reported(stack: Living) -> None:
    """One line per producer process, and exit 0 while nothing is missing."""
    stack.predict(LOYAL)
    for source in (stack.state.store, stack.stack.audit_url):
        report = countersign("audit", "completeness", source)
        assert report.returncode == 0, report
        assert "telecom-churn 1.0.0" in report.stdout


def test_an_unreachable_api_is_named() -> None:
    """Nothing listens there."""
    (port,) = free_ports(1)
    done = countersign("audit", "search", f"http://127.0.0.1:{port}")
    assert done.returncode == 2
    assert "cannot reach" in done.stderr


def test_version_and_help() -> None:
    """`--version` and `--help` exit 0 and import no server."""
    assert countersign("--version").stdout.startswith("countersign ")
    overview = countersign("--help")
    assert overview.returncode == 0
    for command in ("up", "audit verify", "store init"):
        assert command in overview.stdout


@pytest.fixture
def ups(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Makes `countersign up` processes; none is left behind."""
    made: list[Process] = []
    (metrics,) = free_ports(1)  # the same for all, as the default would be

    def make(name: str) -> Process:
        port, audit_port = free_ports(2)
        arguments = ["up", "--bundle", str(CHURN), "--data", str(tmp_path / name)]
        arguments += ["--port", str(port), "--audit-port", str(audit_port), "--metrics-port", str(metrics)]
        program = Program(name, arguments, f"http://127.0.0.1:{port}/ready")
        made.append(Process(program, tmp_path / f"{name}.log"))
        return made[-1]

    yield make
    for process in made:
        if process.popen is not None and process.popen.poll() is None:
            process.stop()


def test_two_stacks_run_side_by_side(ups: Callable[[str], Process], tmp_path: Path) -> None:
    """`up` twice: a busy metrics port is replaced, nothing else clashes, answers are countersigned by two logs."""
    stacks = {name: ups(name) for name in ("first", "second")}
    logs = set()
    for process in stacks.values():
        process.start()
        url = process.program.ready_url.replace("/ready", "/predict")
        answer = ask("POST", url, json.dumps({"customer_id": "C-1", **LEAVING}).encode())
        assert answer.status == 200
        logs.add(answer.body["evidence"]["log"])
    assert len(logs) == 2
    for name, process in stacks.items():
        process.signal(signal.SIGINT)
        assert process.wait() == 0, process.log()
        report = countersign("audit", "completeness", f"sqlite:///{tmp_path / name}/store.db")
        assert report.stdout.count("clean") == 2, report


def test_up_restarts_what_dies(ups: Callable[[str], Process]) -> None:
    """kill -9 of the service under `up`: another one answers."""
    up = ups("restarting")
    up.start()
    await_true(lambda: "Ctrl-C stops it." in up.log(), "what to do next", up.log)
    for _ in range(2):
        before = _child(up, b"serve")
        os.kill(before, signal.SIGKILL)
        await_true(lambda before=before: _child(up, b"serve") not in (0, before), "another process", up.log)  # type: ignore[misc]
        await_true(up.is_ready, "up again", up.log)
    assert up.stop() == 0, up.log()


def test_killing_up_leaves_no_process_behind(ups: Callable[[str], Process]) -> None:
    """kill -9 of `up` itself: its programs end, and their ports and store can be had again."""
    up = ups("killed")
    up.start()
    await_true(lambda: "Ctrl-C stops it." in up.log(), "what to do next", up.log)
    children = [_child(up, command) for command in (b"serve", b"sidecar")]
    up.kill()
    await_true(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "both gone", up.log)
    up.start()


def _child(up: Process, command: bytes) -> int:
    assert up.popen is not None
    for child in Path(f"/proc/{up.popen.pid}/task/{up.popen.pid}/children").read_text().split():
        if command in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return int(child)
    return 0
