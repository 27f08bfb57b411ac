# SPDX-License-Identifier: Apache-2.0
"""From probabilities to the label and score that the card promises."""

import math
from typing import NamedTuple

from contracts.model_card import Output


class Outcome(NamedTuple):
    """What the model says about one row; the score is unrounded."""

    label: str
    score: float


class LabelRule:
    """Two labels: the positive one from the threshold on. More: the most probable, the first of equals."""

    def __init__(self, output: Output) -> None:
        self._labels = output.labels
        self._threshold = output.threshold
        self._positive = output.labels.index(output.positive) if output.positive in output.labels else 0

    def apply(self, probabilities: list[float]) -> Outcome | None:
        """The outcome, or None when the model gave no finite probability."""
        if self._threshold is None:
            score = max(probabilities)
            position = probabilities.index(score)
            if not all(math.isfinite(value) for value in probabilities):
                return None
            return Outcome(self._labels[position], score)
        score = probabilities[self._positive]
        if not math.isfinite(score):
            return None
        chosen = self._positive if score >= self._threshold else 1 - self._positive
        return Outcome(self._labels[chosen], score)
