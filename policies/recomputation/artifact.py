# SPDX-License-Identifier: Apache-2.0
"""Run an artifact in a process of its own, so that a broken or hostile one ends that process and not the gate.

The runtime executes no code of the file, but it is a parser and an interpreter in C++: a crash, an endless loop and a
request for all memory each become a TargetUnreadable that names the artifact. The process has an empty folder as its
working directory, so a model that keeps weights in files beside it, which no digest covers, does not load either.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.place import Place
from policies.recomputation.intervals import Floats

_PROGRAM: Final = Path(__file__).with_name("onnx_process.py")
_MEMORY: Final = 8 << 30
_SECONDS: Final = 60
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")
"""Environment without which Python may not start; nothing else, and no secret, reaches the process."""


class RunningArtifact:
    """Asks the process for probabilities."""

    def __init__(self, process: "subprocess.Popen[bytes]", place: Place, labels: int) -> None:
        self._process = process
        self._place = place
        self._labels = labels

    def probabilities(self, columns: Sequence[Sequence[Any]], *, alone: bool = False) -> Floats:
        """Give [rows, labels] for all rows at once, or row by row. Raises TargetUnreadable."""
        found = self.exchange(alone=alone, columns=len(columns), **dict(map(_column, range(len(columns)), columns)))
        probabilities: Floats = found["probabilities"]
        if probabilities.shape != (len(columns[0]), self._labels):
            raise self.refusal(
                f"gives probabilities of shape {list(probabilities.shape)} for {len(columns[0])} rows and "
                f"{self._labels} labels; export the model with one column for each label"
            )
        return probabilities

    def exchange(self, **arrays: Any) -> Any:
        """Send one message and give the answer. Raises TargetUnreadable."""
        body = io.BytesIO()
        np.savez(body, **arrays)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(len(body.getvalue()).to_bytes(8, "big") + body.getvalue())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        size = int.from_bytes(self._process.stdout.read(8), "big")
        answer = self._process.stdout.read(size)
        if not size or len(answer) != size:
            raise self._ended()
        found = np.load(io.BytesIO(answer), allow_pickle=False)
        if "error" in found:
            raise self.refusal(f"cannot be run: {bytes(found['error']).decode(errors='replace')}")
        return found

    def _ended(self) -> TargetUnreadable:
        code = self._process.wait()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return self.refusal(
            f"ended the process that ran it ({how}), or ran longer than {_SECONDS} s; export the model again, and do "
            "not serve this file"
        )

    def refusal(self, message: str) -> TargetUnreadable:
        """An error that names the artifact."""
        return TargetUnreadable(self._place, message)


@contextmanager
def running(artifact: bytes, place: Place, names: Sequence[str], labels: int) -> Iterator[RunningArtifact]:
    """Load an artifact whose inputs are these features. Raises TargetUnreadable, CannotEvaluate."""
    if find_spec("onnxruntime") is None:
        raise CannotEvaluate("onnxruntime is not installed; an artifact is run to compute figures again: install it")
    with tempfile.TemporaryDirectory(prefix="countersign-artifact-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), str(_MEMORY), str(_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            # The process imports nothing of ours: contracts.onnx_runtime says why the runtime must be told this.
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"ORT_DISABLE_TELEMETRY": "1"},
        )
        limit = threading.Timer(_SECONDS, process.kill)
        limit.start()
        try:
            artifact_process = RunningArtifact(process, place, labels)
            artifact_process.exchange(model=np.frombuffer(artifact, np.uint8), names=_text(list(names)))
            yield artifact_process
        finally:
            limit.cancel()
            process.kill()
            _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        # What the ended process did not read is written again on closing, and fails again: it was reported already.
        with suppress(BrokenPipeError):
            if pipe is not None:
                pipe.close()
    process.wait()


def _column(place: int, column: Sequence[Any]) -> tuple[str, Any]:
    values = np.asarray(column, dtype=object) if isinstance(column[0], str) else np.asarray(column)
    return (f"text{place}", _text(list(column))) if values.dtype == object else (f"number{place}", values)


def _text(values: list[str]) -> Any:
    return np.frombuffer(json.dumps(values).encode(), np.uint8)
