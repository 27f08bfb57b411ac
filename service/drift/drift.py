# SPDX-License-Identifier: Apache-2.0
"""What is predicted, counted in the bins of the card's baseline over a rolling window, and how far it has moved.

A prediction is put on a list and nothing else; lists are counted column by column when they are long, or when somebody
looks. What is looked at is therefore whole, and an answer waits for none of it.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from contracts.bundle import Bundle
from contracts.drift import DriftBaseline, read_drift_baseline, stability_index
from contracts.model_card import ModelCard
from service.drift.bins import Bins, Counts, ValueBins, bins_of
from service.drift.window import Window

_TOGETHER: Final = 512
"""Rows counted at once: about a fifth of a millisecond."""


class Observed(NamedTuple):
    """What the window holds. Indexes are None, and shares empty, while it is empty or without a baseline."""

    predictions: int
    feature_psi: Mapping[str, float]
    answer_psi: float | None
    answer_share: Mapping[str, float]


class Drift:
    """Of one model; ``baseline`` None counts labels alone. Every method is called on one thread."""

    def __init__(
        self, card: ModelCard, baseline: DriftBaseline | None, seconds: float, clock: Callable[[], float]
    ) -> None:
        self.expected_answers: Mapping[str, float] = (baseline and baseline.answers) or {}
        """The share of each label among the answers to the training rows."""
        self._labels = card.output.labels
        self._features = [] if baseline is None else [(f.name, bins_of(f)) for f in baseline.features]
        answers = [self.expected_answers.get(label, 0.0) for label in self._labels] if self.expected_answers else ()
        self._bins: list[Bins] = [*(bins for _, bins in self._features), ValueBins(self._labels, answers)]
        self._bounds = np.cumsum([0, *(bins.size for bins in self._bins)]).tolist()
        self._window = Window(self._bounds[-1], seconds, clock)
        self._rows: list[tuple[Any, ...]] = []
        self._given: list[str] = []

    def seen(self, row: tuple[Any, ...], label: str) -> None:
        """A prediction was made: its features in card order, and the label that was given."""
        self._rows.append(row)
        self._given.append(label)
        if len(self._given) >= _TOGETHER:
            self._count()

    def observed(self) -> Observed:
        """What was seen within the window up to now."""
        if self._given:
            self._count()
        *features, answers = self._split(self._window.counts())
        total = sum(answers)
        named = zip(self._features, features, strict=True)
        found = {name: stability_index(bins.expected, counts) for (name, bins), counts in named}
        expected = self._bins[-1].expected
        return Observed(
            total,
            {name: index for name, index in found.items() if index is not None},
            stability_index(expected, answers) if expected else None,
            {label: count / total for label, count in zip(self._labels, answers, strict=False)} if total else {},
        )

    def _count(self) -> None:
        columns = [*(zip(*self._rows, strict=True) if self._features else ()), self._given]
        counts = [bins.count(column) for bins, column in zip(self._bins, columns, strict=True)]
        self._rows.clear()
        self._given.clear()
        self._window.add(np.concatenate(counts))

    def _split(self, counts: Counts) -> list[list[int]]:
        return [counts[start:end].tolist() for start, end in pairwise(self._bounds)]


def load_baseline(bundle: Bundle) -> DriftBaseline | None:
    """The baseline that the card names, or None when it names none. Raises BundleInvalid."""
    file = None if bundle.card.monitoring is None else bundle.card.monitoring.drift_baseline
    if file is None:
        return None
    return read_drift_baseline(bundle.read(file), bundle.card, str(bundle.root / file))
