# SPDX-License-Identifier: Apache-2.0
"""The runtime of models reports to nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

BUNDLE = ROOT / "models" / "telecom-churn" / "1.0.0"


def run(home: Path, *words: str) -> None:
    # It keeps quiet by itself where the environment looks like a build's.
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env={**environment, "HOME": str(home)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_alone_it_keeps_a_device_id(tmp_path: Path) -> None:
    """What this is about: onnxruntime by itself. When this fails, `contracts.onnx_runtime` may go."""
    run(tmp_path, "-c", "import onnxruntime")
    assert list(tmp_path.rglob("deviceid"))


def test_through_us_it_keeps_nothing(tmp_path: Path) -> None:
    """Neither id nor database of events, though the environment does not ask for it; a session makes no difference."""
    use = f"onnx_runtime().InferenceSession({str(BUNDLE / 'model.onnx')!r}, providers=['CPUExecutionProvider'])"
    run(tmp_path, "-c", f"from contracts.onnx_runtime import onnx_runtime; {use}")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("command", [["check", str(BUNDLE), "--profile", "dev"], ["demo"]], ids=["gate", "service"])
def test_no_command_has_it_keep_anything(tmp_path: Path, command: list[str]) -> None:
    """Nor do the gate's own process and the service of the demo."""
    run(tmp_path, "-m", "countersign", *command)
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name or path.name == "deviceid"]


def test_nothing_else_imports_it() -> None:
    """One door: every other import would bring the telemetry along."""
    doors = {"contracts/onnx_runtime.py", "policies/recomputation/onnx_process.py"}
    packages = ("contracts", "service", "training", "policies", "countersign", "audit_sidecar")
    importing = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "import onnxruntime" in path.read_text() or 'import_module("onnxruntime")' in path.read_text()
    }
    assert importing == doors
