# SPDX-License-Identifier: Apache-2.0
"""Gaps between the groups of protected attributes, in the selection of one label.

Definitions (between groups): demographic parity difference = largest minus smallest selection rate, ratio = smallest
by largest; equal opportunity difference = the same over true positive rates; equalized odds difference = the larger
of the gaps of true and of false positive rates. With several attributes their intersection is measured too.
Differences have intervals of a bootstrap within group and label, rates Wilson's. A gap that no two groups have the rows
for is absent.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from contracts.model_card_evidence import AttributeFairness, GroupFigures
from training.description import Training
from training.intervals import Index, bootstrap, resample, wilson
from training.metrics import Bools
from training.rows import Array

METHOD = "between_groups"


def fairness(
    groups: Mapping[str, Array], selected: Bools, is_true: Bools, training: Training
) -> dict[str, AttributeFairness]:
    """Measure each attribute, and each pair of them as `a and b`."""
    attributes = dict(groups)
    for (a, in_a), (b, in_b) in combinations(groups.items(), 2):
        attributes[f"{a} and {b}"] = np.array([f"{x}, {y}" for x, y in zip(in_a, in_b, strict=True)], dtype=object)
    return {name: _attribute(values, selected, is_true, training) for name, values in attributes.items()}


def _attribute(values: Array, selected: Bools, is_true: Bools, training: Training) -> AttributeFairness:
    names = sorted(set(values.tolist()))
    place = np.array([names.index(value) for value in values], dtype=np.intp)
    drawn = resample(place * 2 + is_true, training.resamples, training.seed)
    gaps = bootstrap(
        lambda index: _gaps(place[index], selected[index], is_true[index], len(names)), len(place), drawn,
        training.confidence,
    )  # fmt: skip
    figures = {name: _group(place == number, selected, is_true, training) for number, name in enumerate(names)}
    return AttributeFairness(**gaps, groups=figures)


def _group(member: Bools, selected: Bools, is_true: Bools, training: Training) -> GroupFigures:
    def rate(of: Bools) -> tuple[int, int, float]:
        return int((selected & of).sum()), int(of.sum()), training.confidence

    return GroupFigures(
        n=int(member.sum()),
        positives=int((member & is_true).sum()),
        selection_rate=wilson(*rate(member)),
        true_positive_rate=wilson(*rate(member & is_true)),
        false_positive_rate=wilson(*rate(member & ~is_true)),
    )


def _gaps(place: Index, selected: Bools, is_true: Bools, groups: int) -> dict[str, float]:
    def rates(of: Bools) -> tuple[float, float] | None:
        total = np.bincount(place[of], minlength=groups)
        hits = np.bincount(place[of], selected[of], groups)
        found = hits[total > 0] / total[total > 0]
        return (float(found.min()), float(found.max())) if len(found) > 1 else None

    gaps: dict[str, float] = {}
    if selection := rates(np.ones(len(place), dtype=np.bool_)):
        low, high = selection
        gaps["demographic_parity_difference"] = high - low
        # Nobody selected anywhere is no gap: the ratio of equal rates is 1.
        gaps["demographic_parity_ratio"] = low / high if high > 0 else 1.0
    true_rates, false_rates = rates(is_true), rates(~is_true)
    if true_rates and false_rates:
        opportunity = true_rates[1] - true_rates[0]
        gaps["equalized_odds_difference"] = max(opportunity, false_rates[1] - false_rates[0])
        gaps["equal_opportunity_difference"] = opportunity
    return gaps
