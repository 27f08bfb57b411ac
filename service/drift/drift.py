# SPDX-License-Identifier: Apache-2.0
"""What the model is asked, counted in the bins of the card's baseline over a rolling window, and how far it has moved.

Rows are put aside as they come and counted column by column when there are many, or when somebody looks. What is
looked at is therefore whole, and an answer waits for none of it. Rows of numbers are put aside as a copy: whoever keeps
the objects of a request alive makes those of the next one dearer.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from struct import Struct
from typing import Any, Final, NamedTuple

import numpy as np

from contracts.bundle import Bundle
from contracts.drift import DriftBaseline, read_drift_baseline, stability_index
from contracts.model_card import ModelCard
from service.drift.bins import Bins, Column, Counts, ValueBins, bins_of
from service.drift.window import Window

_TOGETHER: Final = 512
"""Rows counted at once: about a tenth of a millisecond."""
_NUMERIC: Final = frozenset({"number", "integer", "boolean"})

Row = tuple[Any, ...]


class Observed(NamedTuple):
    """What the window holds. Indexes are None, and shares empty, while it is empty or without a baseline."""

    predictions: int
    feature_psi: Mapping[str, float]
    answer_psi: float | None
    answer_share: Mapping[str, float]


class Asked:
    """Rows that are not counted yet, feature by feature when they are taken."""

    def __init__(self, card: ModelCard) -> None:
        self.rows = 0
        self._numeric = all(feature.type in _NUMERIC for feature in card.features)
        self._features = len(card.features)
        # Quicker than an array of few rows.
        self._pack = Struct(f"{self._features}d").pack
        self._copies: list[bytes] = []
        self._kept: list[Row] = []

    def put(self, rows: Sequence[Row]) -> None:
        """Put rows aside, features in card order."""
        self.rows += len(rows)
        if self._numeric:
            pack = self._pack
            self._copies.append(b"".join([pack(*row) for row in rows]))
        else:
            self._kept += rows

    def take(self) -> Sequence[Column]:
        """The columns of what was put aside, of which there is something."""
        columns: Sequence[Column]
        if self._numeric:
            numbers = np.frombuffer(b"".join(self._copies), dtype=np.float64)
            columns = list(numbers.reshape(self.rows, self._features).T)
        else:
            columns = list(zip(*self._kept, strict=True))
        self.rows = 0
        self._copies.clear()
        self._kept.clear()
        return columns


class Drift:
    """Of one model; ``given`` tells how often each label was given so far. Every method is called on one thread."""

    def __init__(
        self,
        card: ModelCard,
        baseline: DriftBaseline | None,
        seconds: float,
        clock: Callable[[], float],
        given: Callable[[], Mapping[str, int]],
    ) -> None:
        self.expected_answers: Mapping[str, float] = (baseline and baseline.answers) or {}
        """The share of each label among the answers to the training rows."""
        self._labels = card.output.labels
        self._features = [] if baseline is None else [(f.name, bins_of(f)) for f in baseline.features]
        answers = [self.expected_answers.get(label, 0.0) for label in self._labels] if self.expected_answers else ()
        self._bins: list[Bins] = [*(bins for _, bins in self._features), ValueBins(self._labels, answers)]
        self._bounds: list[int] = np.cumsum([0, *(bins.size for bins in self._bins)]).tolist()
        self._window = Window(self._bounds[-1], seconds, clock)
        self._asked = Asked(card)
        self._given = given
        self._counted = np.zeros(self._bins[-1].size, dtype=np.int64)

    def asked(self, rows: Sequence[Row]) -> None:
        """The model was run on these rows, and the labels it gave are told by ``given`` already."""
        if self._features and rows:
            self._asked.put(rows)
            if self._asked.rows >= _TOGETHER:
                self._count()

    def observed(self) -> Observed:
        """What the model was asked within the window, up to now."""
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
        bins = self._bins[:-1]
        if self._asked.rows:
            counts = [one.count(column) for one, column in zip(bins, self._asked.take(), strict=True)]
        else:
            counts = [np.zeros(one.size, dtype=np.int64) for one in bins]
        given = self._given()
        answers = np.array([*(given.get(label, 0) for label in self._labels), 0])
        self._window.add(np.concatenate([*counts, answers - self._counted]))
        self._counted = answers

    def _split(self, counts: Counts) -> list[list[int]]:
        return [counts[start:end].tolist() for start, end in pairwise(self._bounds)]


def load_baseline(bundle: Bundle) -> DriftBaseline | None:
    """The baseline that the card names, or None when it names none. Raises BundleInvalid."""
    file = None if bundle.card.monitoring is None else bundle.card.monitoring.drift_baseline
    if file is None:
        return None
    return read_drift_baseline(bundle.read(file), bundle.card, str(bundle.root / file))
