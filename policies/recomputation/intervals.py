# SPDX-License-Identifier: Apache-2.0
"""Wilson's interval, and the seeded stratified bootstrap as weights: how often each resample holds each row.

Figures take a matrix of weights, one line a resample, so that a thousand resamples cost a few matrix products. The
definitions are those of docs/figures.md; numbers equal those of `training` to rounding, by other means.
"""

from collections.abc import Callable, Iterator, Mapping
from math import comb, sqrt
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.model_card_evidence import Metric

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Figure = Callable[[Floats], Mapping[str, Floats]]
"""From weights [resamples, rows] to each figure [resamples]."""

WILSON: Final = "wilson"
BOOTSTRAP: Final = "stratified bootstrap"
_CELLS: Final = 2_000_000
"""Weights held at a time, so that memory stays bounded whatever the rows."""


class Sampling(NamedTuple):
    """How intervals are drawn: seed of NumPy's PCG64, number of resamples, confidence between 0 and 1."""

    seed: int
    resamples: int
    confidence: float


def wilson(hits: int, n: int, confidence: float) -> Metric | None:
    """Wilson's score interval of a proportion; None over no rows."""
    if n == 0:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    square = z * z
    middle = (hits + square / 2) / (n + square)
    half = z * sqrt(hits * (n - hits) / n + square / 4) / (n + square)
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == n else min(1.0, middle + half)
    return Metric(value=hits / n, low=low, high=high, n=n, interval=WILSON)


def bootstrap(figure: Figure, strata: Integers, sampling: Sampling) -> dict[str, Metric]:
    """Each figure over all rows, with its percentiles over the resamples."""
    n = len(strata)
    drawn = [figure(weights) for weights in _weights(strata, sampling)]
    tail = (1 - sampling.confidence) / 2
    found: dict[str, Metric] = {}
    for name, value in figure(np.ones((1, n))).items():
        samples = np.concatenate([part[name] for part in drawn])
        low, high = np.quantile(samples, [tail, 1 - tail])
        found[name] = Metric(value=float(value[0]), low=float(low), high=float(high), n=n, interval=BOOTSTRAP)
    return found


def mcnemar(better: int, worse: int) -> float:
    """Exact two-sided p-value: how likely a split at least as uneven would be if both were equally good."""
    discordant = better + worse
    tail = sum(comb(discordant, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


def _weights(strata: Integers, sampling: Sampling) -> Iterator[Floats]:
    """Draw within each stratum, in the order of the strata, one resample after the other: the order is the contract."""
    generator: Any = np.random.default_rng(sampling.seed)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    n = len(strata)
    size = max(1, _CELLS // n)
    for start in range(0, sampling.resamples, size):
        weights = np.empty((min(size, sampling.resamples - start), n))
        for line in weights:
            drawn = [rows[generator.integers(0, len(rows), len(rows))] for rows in members]
            line[:] = np.bincount(np.concatenate(drawn), minlength=n)
        yield weights
