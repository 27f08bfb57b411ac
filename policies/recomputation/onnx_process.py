# SPDX-License-Identifier: Apache-2.0
"""The process in which an artifact that nobody trusts yet runs: onnxruntime with nothing to lose.

Started as a script by `policies.recomputation.artifact`, in an empty folder, without files to write, with bounded
memory and processor time. Reads and writes messages of an 8-byte big-endian length and an `.npz` of plain arrays; the
first holds the model and the features' names, each later one rows. Imports nothing of the gate.
"""

import io
import json
import sys
from typing import Any, BinaryIO

import numpy as np
import onnxruntime

_MATRIX = "features"
_OUTPUT = "probabilities"
_DTYPES: dict[str, Any] = {
    "tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_, "tensor(string)": object,
}  # fmt: skip


class _Refused(Exception):
    """The model cannot be run on these features; the message says why."""


class _Model:
    def __init__(self, artifact: bytes, names: list[str]) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        inputs = {item.name: item.type for item in self._session.get_inputs()}
        unknown = sorted(set(inputs.values()) - set(_DTYPES))
        if unknown:
            raise _Refused(f"an input is {unknown[0]}; want {', '.join(_DTYPES)}")
        self._joined = set(inputs) == {_MATRIX} and names != [_MATRIX]
        if not self._joined and set(inputs) != set(names):
            found = ", ".join(sorted(inputs))
            raise _Refused(f"the inputs are {found}; want one input `{_MATRIX}`, or one for each feature of the card")
        if _OUTPUT not in [item.name for item in self._session.get_outputs()]:
            raise _Refused(f"there is no output `{_OUTPUT}`; export the model with that name")
        self._names = names
        self._dtypes = [_DTYPES[inputs[_MATRIX if self._joined else name]] for name in names]

    def run(self, columns: list[Any]) -> Any:
        typed = [np.asarray(column, dtype=dtype) for column, dtype in zip(columns, self._dtypes, strict=True)]
        if self._joined:
            feed = {_MATRIX: np.column_stack(typed)}
        else:
            feed = {name: column.reshape(-1, 1) for name, column in zip(self._names, typed, strict=True)}
        found = np.asarray(self._session.run([_OUTPUT], feed)[0])
        if found.dtype.kind != "f":
            raise _Refused(f"the output `{_OUTPUT}` is {found.dtype}; export it as floating point")
        return found.astype(np.float64)

    def run_alone(self, columns: list[Any]) -> Any:
        rows = len(columns[0])
        return np.concatenate([self.run([column[row : row + 1] for column in columns]) for row in range(rows)])


def _bounded(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _columns(message: Any) -> list[Any]:
    columns = []
    for place in range(int(message["columns"])):
        number, text = f"number{place}", f"text{place}"
        columns.append(message[number] if number in message else np.array(json.loads(bytes(message[text])), object))
    return columns


def _receive(source: BinaryIO) -> Any:
    size = int.from_bytes(source.read(8), "big")
    return np.load(io.BytesIO(source.read(size)), allow_pickle=False) if size else None


def _send(sink: BinaryIO, **arrays: Any) -> None:
    body = io.BytesIO()
    np.savez(body, **arrays)
    sink.write(len(body.getvalue()).to_bytes(8, "big") + body.getvalue())
    sink.flush()


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    first = _receive(source)
    model = _Model(bytes(first["model"]), json.loads(bytes(first["names"])))
    _send(sink, ready=True)
    while (message := _receive(source)) is not None:
        run = model.run_alone if message["alone"] else model.run
        _send(sink, probabilities=run(_columns(message)))


def _main() -> None:
    _bounded(int(sys.argv[1]), int(sys.argv[2]))
    sink = sys.stdout.buffer
    try:
        _serve(sys.stdin.buffer, sink)
    except Exception as error:
        # The runtime raises classes of its own that share no public base; whatever it is, it goes back as text.
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        _send(sink, error=np.frombuffer(words[:500].encode(), np.uint8))


if __name__ == "__main__":
    _main()
