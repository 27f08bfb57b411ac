# SPDX-License-Identifier: Apache-2.0
"""How far what is predicted is from what was trained on: the baseline's file, its bins, and the index over them.

The population stability index of shares p in training and q in service over the same bins is the sum of
(p - q) ln(p / q). A share below `FLOOR` counts as `FLOOR` on either side, for the logarithm knows no empty bin. It is
0 for equal shares and never negative; which value is too much, the card says.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec
from msgspec import Struct

from contracts.errors import BundleInvalid
from contracts.model_card import ModelCard

FLOOR: Final = 1e-4
"""The share that an empty bin counts as."""


class FeatureBaseline(Struct, frozen=True):
    """The training rows by one feature: shares by value, or by where the number stands between `edges`."""

    name: str
    type: Literal["number", "integer", "boolean", "category", "text"]
    shares: dict[str, float] | tuple[float, ...]
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse bins in which a value could have no place, or two."""
        by_value = self.type in ("boolean", "category")
        if by_value is not isinstance(self.shares, dict):
            kind = "value" if by_value else "bin"
            raise ValueError(f"`{self.name}` is {self.type}: its shares have to be by {kind}")
        if not by_value and len(self.shares) != len(self.edges) + 1:
            raise ValueError(f"`{self.name}` has {len(self.shares)} shares for {len(self.edges)} edges; want one more")
        if not all(low < high for low, high in pairwise(self.edges)):
            raise ValueError(f"the edges of `{self.name}` do not grow")


class DriftBaseline(Struct, frozen=True):
    """What `training.drift` writes, as far as it is compared with; ``answers`` by label, of the training rows."""

    rows: int
    features: tuple[FeatureBaseline, ...]
    labels: dict[str, float]
    answers: dict[str, float] | None = None


def read_drift_baseline(data: bytes, card: ModelCard, where: str) -> DriftBaseline:
    """The file of a card. Raises BundleInvalid when it is no baseline, or one of other inputs or labels."""
    try:
        found = msgspec.json.decode(data, type=DriftBaseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleInvalid(f"{where} is no drift baseline: {error}; train the bundle again") from None
    wanted = [(feature.name, feature.type) for feature in card.features]
    if [(feature.name, feature.type) for feature in found.features] != wanted:
        raise BundleInvalid(f"{where} describes other features than the card; train the bundle again")
    odd = {*found.labels, *(found.answers or ())} - set(card.output.labels)
    if odd:
        raise BundleInvalid(f"{where} has the label `{min(odd)}`, which the card has not; train the bundle again")
    return found


def bin_of(edges: Sequence[float], number: float) -> int:
    """The place of a number: bin i is above ``edges[i - 1]`` and up to ``edges[i]``, the outer two are open."""
    return bisect_left(edges, number)


def stability_index(expected: Sequence[float], counts: Sequence[int]) -> float | None:
    """The index of ``counts`` against the ``expected`` shares of the same bins; None when nothing was counted."""
    total = sum(counts)
    if not total:
        return None
    pairs = [(max(p, FLOOR), max(count / total, FLOOR)) for p, count in zip(expected, counts, strict=True)]
    return math.fsum((p - q) * math.log(p / q) for p, q in pairs)
