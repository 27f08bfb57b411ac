# SPDX-License-Identifier: Apache-2.0
"""How often an answer changes when one number of its row moves a little: seeded by nothing, so anyone gets the same.

What is moved, how far and what counts as a change is defined at `contracts.model_card_assurance.Robustness`.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from contracts.model_card import Feature
from contracts.model_card_assurance import Robustness
from contracts.model_card_figure import Metric
from training.intervals import wilson
from training.rows import Array, Rows

Given = Callable[[Rows], Array]


def robustness(said: Robustness, train: Rows, evaluation: Rows, given: Given, confidence: float) -> Robustness:
    """Measure each number and integer feature; `given` answers rows with the positions of their labels."""
    still = given(evaluation)
    changed: dict[str, Metric] = {}
    for position, feature in enumerate(evaluation.features):
        if feature.type not in ("number", "integer"):
            continue
        width = said.step * float(train.columns[position].astype(np.float64).std())
        moved = [given(_moved(evaluation, position, feature, shift)) != still for shift in (width, -width)]
        share = wilson(int((moved[0] | moved[1]).sum()), len(evaluation), confidence)
        if share is not None:
            changed[feature.name] = share
    return Robustness(step=said.step, maximum=said.maximum, changed_answers=changed, missing_field=said.missing_field)


def _moved(rows: Rows, position: int, feature: Feature, shift: float) -> Rows:
    column = rows.columns[position]
    if feature.type == "integer":
        shift = math.copysign(max(1.0, round(abs(shift))), shift)
    shifted = column.astype(np.float64) + shift
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    columns = list(rows.columns)
    columns[position] = np.clip(shifted, low, high).astype(column.dtype)
    return dataclasses.replace(rows, columns=tuple(columns))
