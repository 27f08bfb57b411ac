# SPDX-License-Identifier: Apache-2.0
"""Other people's programs: where they are, when they listen, and how their verdicts are asked for."""

import base64
import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts import tools
from tests.end_to_end.living import await_true

TIMEOUT_SECONDS = 120


def outside(program: str) -> Path:
    """Where a program is. Without it the test is skipped; with COUNTERSIGN_REQUIRE_TOOLS it fails."""
    try:
        return tools.find(program)
    except tools.ToolMissing as missing:
        if os.environ.get("COUNTERSIGN_REQUIRE_TOOLS"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def await_listening(process: subprocess.Popen[bytes], log: Path, *ports: int) -> None:
    """Until a program takes connections at all of these ports of loopback; it fails when the program ends."""

    def listens() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        for port in ports:
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    await_true(listens, f"connections at {ports}", log.read_text)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [str(outside(program)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)


def fsck_accepts(log: Path | str, vkey: str, token: str = "") -> bool:
    """Tessera's verdict on a log in a folder or behind a URL; anything but exit code 0 is a refusal, a panic too."""
    finished = run("fsck", "-log", str(log), "-vkey", vkey, "-timeout", "60s", "-token", token)
    assert finished.returncode in (0, 1, 2), finished
    assert "-vkey:" not in finished.stderr, finished
    assert "-log:" not in finished.stderr, finished
    return finished.returncode == 0


class Verdict(NamedTuple):
    """What a judge said."""

    accepted: bool
    reason: str
    size: int
    root: bytes
    hashes: tuple[bytes, ...]


def judge(program: str, questions: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Ask ``sumdb`` or ``formats`` these questions, bytes and all, in one run; a verdict each."""
    asked = "".join(json.dumps(_plain(question)) + "\n" for question in questions)
    finished = subprocess.run(
        [str(outside(program))], input=asked, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    assert finished.returncode == 0, finished.stderr
    verdicts = [_verdict(json.loads(line)) for line in finished.stdout.splitlines()]
    assert len(verdicts) == len(questions)
    return verdicts


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, (list, tuple)) else value


def _verdict(answer: Mapping[str, Any]) -> Verdict:
    return Verdict(
        answer["accepted"],
        answer.get("reason", ""),
        answer.get("size", 0),
        base64.b64decode(answer.get("root") or ""),
        tuple(base64.b64decode(value) for value in answer.get("hashes") or ()),
    )
