# SPDX-License-Identifier: Apache-2.0
"""The quick start of the README, typed as it stands there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import tree

README = (tree.ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## Quick start") : README.index("## Whom you have to trust")]
COUNTERSIGN = f"{sys.executable} -m countersign"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def ports() -> dict[str, int]:
    """A free port for each one the README names."""
    return {name: free_port() for name in ("8080", "8081", "9464")}


@pytest.fixture
def running(tmp_path: Path, ports: dict[str, int]) -> Iterator[None]:
    """What `make up` starts, on ports of its own, with its log in the folder that the README names."""
    service, audit, metrics = (str(port) for port in ports.values())
    command = [*COUNTERSIGN.split(), "up", "--bundle", "models/telecom-churn/1.0.0", "--data"]
    command += [str(tmp_path / ".countersign"), "--port", service, "--audit-port", audit, "--metrics-port", metrics]
    with subprocess.Popen(command, cwd=tree.ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any("Ctrl-C" in line for line in process.stdout), "it ended before it was ready"
            yield
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.skipif(
    shutil.which("curl") is None and "COUNTERSIGN_REQUIRE_TOOLS" not in os.environ, reason="the quick start uses curl"
)
@pytest.mark.usefixtures("running")
def test_the_quick_start_works_as_written(tmp_path: Path, ports: dict[str, int]) -> None:
    """Every line of the quick start runs, the receipt verifies, and a changed answer is refused."""
    script = "\n".join(re.findall(r"```console\n(.*?)```", SECTION, flags=re.DOTALL))
    for written, port in ports.items():
        script = script.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
    assert ".venv/bin/countersign" in script
    script = script.replace(".venv/bin/countersign", COUNTERSIGN)
    ran = bash(script, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "VERIFIED" in ran.stdout

    answer = tmp_path / "answer.json"
    answer.write_text(answer.read_text().replace('"churn"', '"retain"'))
    verify = next(line for line in script.splitlines() if "audit verify" in line)
    assert bash(verify, tmp_path).returncode == 1


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lines as a reader would type them, stopping at the first that fails."""
    environment = {**os.environ, "PYTHONPATH": str(tree.ROOT)}
    command = ["bash", "-eu", "-o", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
