# SPDX-License-Identifier: Apache-2.0
"""Run the artifact of a bundle with onnxruntime, on one thread, checked against its card before the first request.

Convention: one input `features` of float64 [rows, features] in card order, or one input [rows, 1] per feature under its
name; one output `probabilities` [rows, labels] in the order of the card's labels. No code of the file is executed.
"""

import os
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from contracts.bundle import Bundle
from contracts.errors import BundleInvalid
from contracts.model_card import Feature, ModelCard
from contracts.onnx_runtime import onnx_runtime

Row = tuple[Any, ...]
"""Feature values in card order, as decoded."""

_TRIED_ROWS: Final = 1_000
_TRIED_SIZES: Final = (2, 3, 7, 16, 64, _TRIED_ROWS)
_OUTPUT: Final = "probabilities"
_TEXTS: Final = ("", "a", "a longer text of several words")
_WIDE: Final = 1e6
_JOINED: Final = "features"
_NUMERIC: Final = ("number", "integer", "boolean")
_DTYPES: Final[dict[str, Any]] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


class Session:
    """Gives one probability per label for each row. Safe to call from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        card = bundle.card
        where = str(bundle.root / card.artifact.file)
        self._session = _open(bundle.artifact_bytes, where)
        self._inputs = _match_inputs(self._session, card, where)
        if _OUTPUT not in [output.name for output in self._session.get_outputs()]:
            raise BundleInvalid(f"{where} has no output `{_OUTPUT}`; export the model with that name")
        self._probe(card, where)

    def probabilities(self, rows: Sequence[Row]) -> list[list[float]]:
        """One list per row, one probability per label in card order."""
        if isinstance(self._inputs, list):
            columns = zip(*rows, strict=True)
            feeds = {
                name: np.array(column, dtype=dtype).reshape(-1, 1)
                for (name, dtype), column in zip(self._inputs, columns, strict=True)
            }
        else:
            feeds = {_JOINED: np.array(rows, dtype=self._inputs)}
        found: list[list[float]] = self._session.run([_OUTPUT], feeds)[0].tolist()
        return found

    def rows_stand_alone(self, card: ModelCard) -> bool:
        """Whether no row's result, to the last bit, was seen to depend on the rows beside it.

        The runtime may sum a lone row in another order than many, and a model may even look across rows. This is a
        trial on rows that the card allows, not a proof.
        """
        drawn = random.Random(0)  # noqa: S311  (the same trial at each start, no secret)
        rows = [tuple(_drawn(feature, drawn) for feature in card.features) for _ in range(_TRIED_ROWS)]
        try:
            alone = [self.probabilities((row,))[0] for row in rows]
            return all(list(self._in_groups(rows, size)) == alone for size in _TRIED_SIZES)
        except Exception:  # onnxruntime raises classes of its own that share no public base
            return False  # one row that breaks a run must not break it for others

    def _in_groups(self, rows: Sequence[Row], size: int) -> Iterator[list[float]]:
        for start in range(0, len(rows), size):
            yield from self.probabilities(rows[start : start + size])

    def _probe(self, card: ModelCard, where: str) -> None:
        try:
            found = np.asarray(self.probabilities([tuple(_example(feature) for feature in card.features)]))
        except Exception as error:  # onnxruntime raises classes of its own that share no public base
            raise BundleInvalid(f"{where} does not run on a row that its card allows: {error}") from error
        if found.shape != (1, len(card.output.labels)):
            raise BundleInvalid(
                f"{where} gives probabilities of shape {list(found.shape)}, but its card has "
                f"{len(card.output.labels)} labels; export the model with one column per label"
            )


def _open(artifact: bytes, where: str) -> Any:
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    # Requests run side by side on the event loop; threads inside one call would only wait for each other.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # A model may keep weights in files beside it, which would be looked for in the current folder and which no digest
    # on the card covers. Where there is no folder there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        return onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own that share no public base
        raise BundleInvalid(f"{where} is not an ONNX model that onnxruntime can load: {error}") from error


def _match_inputs(session: Any, card: ModelCard, where: str) -> Any:
    found = {item.name: _dtype(item.type, item.name, where) for item in session.get_inputs()}
    names = [feature.name for feature in card.features]
    if set(found) == set(names) and (len(names) > 1 or names != [_JOINED]):
        return [(name, found[name]) for name in names]
    if set(found) == {_JOINED} and all(feature.type in _NUMERIC for feature in card.features):
        return found[_JOINED]
    raise BundleInvalid(
        f"{where} has inputs {', '.join(sorted(found))}; want one input `{_JOINED}`, "
        f"or one for each feature of the card: {', '.join(names)}"
    )


def _dtype(kind: str, name: str, where: str) -> Any:
    if kind not in _DTYPES:
        raise BundleInvalid(f"{where}: input `{name}` is {kind}; want {', '.join(_DTYPES)}")
    return _DTYPES[kind]


def _drawn(feature: Feature, drawn: random.Random) -> object:
    if feature.type == "category":
        return drawn.choice(feature.values or ("",))
    if feature.type == "text":
        return drawn.choice(_TEXTS)
    if feature.type == "boolean":
        return drawn.random() < 0.5
    low = -_WIDE if feature.minimum is None else max(feature.minimum, -_WIDE)
    high = _WIDE if feature.maximum is None else min(feature.maximum, _WIDE)
    value = drawn.uniform(low, max(low, high))
    return round(value) if feature.type == "integer" else value


def _example(feature: Feature) -> object:
    if feature.type == "category":
        return (feature.values or ("",))[0]
    if feature.type == "text":
        return ""
    if feature.type == "boolean":
        return False
    low = 0.0 if feature.minimum is None else feature.minimum
    high = low if feature.maximum is None else feature.maximum
    value = min(max(0.0, low), high)
    return round(value) if feature.type == "integer" else value
