# SPDX-License-Identifier: Apache-2.0
"""Sort many values of one feature into the bins of its baseline at once; `contracts.drift` says which bin is whose."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from contracts.drift import FeatureBaseline

Counts = np.ndarray[Any, np.dtype[np.int64]]
Column = Sequence[Any] | np.ndarray[Any, np.dtype[np.float64]]
"""Values of one feature; truth values among numbers are 0 and 1."""
_BOOLEANS: Final[Mapping[Any, str]] = {False: "false", True: "true"}


class Bins(Protocol):
    """The bins of one feature, or of the labels."""

    @property
    def expected(self) -> Sequence[float]:
        """The baseline's share of each bin; empty without a baseline."""

    @property
    def size(self) -> int:
        """How many bins."""

    def count(self, values: Column) -> Counts:
        """How many of the values are in each bin."""


class NumberBins:
    """Numbers between edges; of a text its length in characters."""

    def __init__(self, edges: Sequence[float], expected: Sequence[float], lengths: bool = False) -> None:
        self.expected = expected
        self.size = len(expected)
        self._edges = np.array(edges, dtype=np.float64)
        self._lengths = lengths

    def count(self, values: Column) -> Counts:
        """How many of the values are in each bin."""
        numbers = np.asarray([len(text) for text in values] if self._lengths else values, dtype=np.float64)
        return np.bincount(np.searchsorted(self._edges, numbers, side="left"), minlength=self.size)


class ValueBins:
    """Values one by one; the last bin is for what the baseline does not name."""

    def __init__(self, values: Iterable[Any], expected: Sequence[float]) -> None:
        self._place = {value: place for place, value in enumerate(values)}
        self.size = len(self._place) + 1
        self.expected = (*expected, 0.0) if expected else ()

    def count(self, values: Column) -> Counts:
        """How many of the values are in each bin."""
        found = np.zeros(self.size, dtype=np.int64)
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        for value, number in Counter(listed).items():
            found[self._place.get(value, self.size - 1)] += number
        return found


def bins_of(feature: FeatureBaseline) -> Bins:
    """The bins of one feature."""
    if not isinstance(feature.shares, dict):
        return NumberBins(feature.edges, feature.shares, lengths=feature.type == "text")
    if feature.type == "boolean":
        return ValueBins(_BOOLEANS, [feature.shares.get(name, 0.0) for name in _BOOLEANS.values()])
    return ValueBins(feature.shares, list(feature.shares.values()))
