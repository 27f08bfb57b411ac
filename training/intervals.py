# SPDX-License-Identifier: Apache-2.0
"""Intervals: Wilson's for a proportion, the seeded stratified bootstrap's percentiles for anything else.

The bootstrap draws within each stratum with replacement, so that every resample has the strata of the original. The
same seed gives the same resamples on every machine.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from contracts.model_card_evidence import Metric
from training.rows import Array

Index = npt.NDArray[np.intp]
Figures = Callable[[Index], Mapping[str, float]]

WILSON = "wilson"
BOOTSTRAP = "stratified bootstrap"


def wilson(successes: int, n: int, confidence: float) -> Metric | None:
    """Give a proportion with Wilson's score interval (1927), or nothing where there is nothing to take it over."""
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    spread = 1 + z * z / n
    center = (share + z * z / (2 * n)) / spread
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / spread
    low, high = max(0.0, center - half), min(1.0, center + half)
    # The bounds of none and of all are 0 and 1 exactly; floating point would miss them by an ulp.
    return Metric(
        value=share, low=0.0 if successes == 0 else low, high=1.0 if successes == n else high, n=n, interval=WILSON
    )


def resample(strata: Array, resamples: int, seed: int) -> list[Index]:
    """Draw `resamples` sets of row numbers, each with as many rows of every stratum as there are."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == stratum) for stratum in sorted(set(strata.tolist()))]
    return [
        np.concatenate([rows[generator.integers(0, len(rows), len(rows))] for rows in members])
        for _ in range(resamples)
    ]


def bootstrap(figures: Figures, n: int, drawn: list[Index], confidence: float) -> dict[str, Metric]:
    """Give each figure over all `n` rows with the percentiles it has over the resamples."""
    found = figures(np.arange(n))
    samples = [figures(index) for index in drawn]
    tail = (1 - confidence) / 2
    metrics: dict[str, Metric] = {}
    for name, value in found.items():
        low, high = np.quantile([sample[name] for sample in samples], [tail, 1 - tail])
        metrics[name] = Metric(value=float(value), low=float(low), high=float(high), n=n, interval=BOOTSTRAP)
    return metrics
