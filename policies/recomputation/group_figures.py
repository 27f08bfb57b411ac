# SPDX-License-Identifier: Apache-2.0
"""Gaps between the groups of protected attributes, and the rates of each group; docs/figures.md has the formulas.

Definitions are Fairlearn's between groups. A gap that fewer than two groups have the rows for is absent.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from contracts.model_card_evidence import AttributeFairness, GroupFigures
from policies.recomputation.intervals import Bools, Figure, Floats, Integers, Sampling, bootstrap, wilson


def group_figures(
    groups: Mapping[str, Sequence[str]], selected: Bools, is_true: Bools, sampling: Sampling
) -> dict[str, AttributeFairness]:
    """The figures of each attribute, and of each pair as ``a and b`` with groups ``x, y``."""
    pairs = {
        f"{a} and {b}": [f"{x}, {y}" for x, y in zip(groups[a], groups[b], strict=True)]
        for a, b in combinations(groups, 2)
    }
    return {name: _attribute(values, selected, is_true, sampling) for name, values in {**groups, **pairs}.items()}


def _attribute(values: Sequence[str], selected: Bools, is_true: Bools, sampling: Sampling) -> AttributeFairness:
    names = sorted(set(values))
    numbers = {name: number for number, name in enumerate(names)}
    place = np.array([numbers[value] for value in values], dtype=np.intp)
    gaps = bootstrap(_gaps(place, len(names), selected, is_true), place * 2 + is_true, sampling)
    groups = {name: _rates(place == number, selected, is_true, sampling) for name, number in numbers.items()}
    return AttributeFairness(**gaps, groups=groups)


def _rates(member: Bools, selected: Bools, is_true: Bools, sampling: Sampling) -> GroupFigures:
    rates = {}
    within = {
        "selection_rate": member,
        "true_positive_rate": member & is_true,
        "false_positive_rate": member & ~is_true,
    }
    for name, rows in within.items():
        rates[name] = wilson(int(np.count_nonzero(rows & selected)), int(np.count_nonzero(rows)), sampling.confidence)
    return GroupFigures(n=int(member.sum()), positives=int(np.count_nonzero(member & is_true)), **rates)


def _gaps(place: Integers, groups: int, selected: Bools, is_true: Bools) -> Figure:
    member = (place[:, None] == np.arange(groups)).astype(np.float64)

    def rates(weights: Floats, rows: Bools) -> Floats | None:
        """Selection rate [resamples, groups] among `rows`, of the groups that have any."""
        total = (weights * rows) @ member
        some = total[0] > 0
        return ((weights * (rows & selected)) @ member)[:, some] / total[:, some] if some.sum() > 1 else None

    def figure(weights: Floats) -> Mapping[str, Floats]:
        found: dict[str, Floats] = {}
        if (selection := rates(weights, np.ones(len(place), dtype=np.bool_))) is not None:
            low, high = selection.min(axis=1), selection.max(axis=1)
            found["demographic_parity_difference"] = high - low
            # Equal rates of nobody selected at all have the ratio 1.
            found["demographic_parity_ratio"] = np.where(high > 0, low / np.where(high > 0, high, 1.0), 1.0)
        true_rates, false_rates = rates(weights, is_true), rates(weights, ~is_true)
        if true_rates is not None and false_rates is not None:
            opportunity = np.ptp(true_rates, axis=1)
            found["equalized_odds_difference"] = np.maximum(opportunity, np.ptp(false_rates, axis=1))
            found["equal_opportunity_difference"] = opportunity
        return found

    return figure
