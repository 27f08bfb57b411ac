# SPDX-License-Identifier: Apache-2.0
"""What the drift baseline says of the training rows: the spread of each number, and the share of each label."""

from typing import Final

import msgspec
from msgspec import Struct

from policies.errors import TargetUnreadable
from policies.place import Place
from policies.recomputation.evidence_rows import BASELINE
from policies.recomputation.inputs import Inputs

_NUMERIC: Final = ("number", "integer")


class _Described(Struct, frozen=True):
    name: str
    standard_deviation: float | None = None


class Baseline(Struct, frozen=True):
    """The parts of the file that the gate reads; monitoring reads the rest."""

    rows: int
    features: tuple[_Described, ...]
    labels: dict[str, float]


def read_baseline(data: bytes, file: str) -> Baseline:
    """Read the file. Raises TargetUnreadable."""
    try:
        return msgspec.json.decode(data, type=Baseline)
    except msgspec.DecodeError as error:
        raise TargetUnreadable(Place(file), f"is no drift baseline: {error}; train the bundle again") from None


def training_labels(inputs: Inputs) -> dict[str, float] | None:
    """The share of each label among the training rows. Raises TargetUnreadable."""
    if inputs.baseline is None:
        return None
    return read_baseline(inputs.baseline, f"{inputs.folder}/{BASELINE}").labels


def step_of_feature(inputs: Inputs) -> dict[str, float]:
    """How far each number is moved, an integer by a whole one at least; empty where the card names no step.

    Raises TargetUnreadable.
    """
    if inputs.step is None or inputs.baseline is None:
        return {}
    file = f"{inputs.folder}/{BASELINE}"
    spreads = {item.name: item.standard_deviation for item in read_baseline(inputs.baseline, file).features}
    steps = {}
    for feature in inputs.features:
        if feature.type in _NUMERIC:
            spread = spreads.get(feature.name)
            if spread is None:
                raise TargetUnreadable(Place(file), f"has no standard deviation of `{feature.name}`; train again")
            step = inputs.step * spread
            steps[feature.name] = max(1.0, float(round(step))) if feature.type == "integer" else step
    return steps
