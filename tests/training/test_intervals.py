# SPDX-License-Identifier: Apache-2.0
"""Wilson's interval as published, and a bootstrap that is seeded and keeps its strata."""

import numpy as np
import pytest

from training.intervals import bootstrap, resample, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_bounds(successes: int, n: int, low: float, high: float) -> None:
    """The four cases of Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    metric = wilson(successes, n, 0.95)
    assert metric is not None
    assert metric.low == pytest.approx(low, abs=5e-5)
    assert metric.high == pytest.approx(high, abs=5e-5)
    assert (metric.value, metric.n) == (successes / n, n)


def test_wilson_mirrors_and_ends_exactly() -> None:
    """All of n is the mirror of none of n, and no bound leaves 0 to 1."""
    none, every = wilson(0, 7, 0.9), wilson(7, 7, 0.9)
    assert none is not None
    assert every is not None
    assert (none.low, every.high) == (0.0, 1.0)
    assert every.low == pytest.approx(1 - (none.high or 0), abs=1e-15)


def test_a_share_of_nothing_is_absent() -> None:
    """No rows, no rate: never a zero that looks measured."""
    assert wilson(0, 0, 0.95) is None


def test_resamples_keep_strata_and_seed() -> None:
    """Each resample has as many rows of each stratum as there are; the seed decides which."""
    strata = np.array([0, 1, 1, 2, 2, 2])
    drawn = resample(strata, 50, seed=1)
    assert all(np.bincount(strata[index]).tolist() == [1, 2, 3] for index in drawn)
    assert all((a == b).all() for a, b in zip(drawn, resample(strata, 50, seed=1), strict=True))
    assert any((a != b).any() for a, b in zip(drawn, resample(strata, 50, seed=2), strict=True))


def test_bootstrap_of_a_mean_covers_like_theory() -> None:
    """The interval of a mean of normal draws has the width that theory gives, within a tenth."""
    values = np.random.default_rng(0).normal(5.0, 2.0, 2000)
    drawn = resample(np.zeros(2000), 1000, seed=3)
    mean = bootstrap(lambda index: {"mean": float(values[index].mean())}, 2000, drawn, 0.95)["mean"]
    assert mean.low is not None
    assert mean.high is not None
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * 2.0 / 2000**0.5, rel=0.1)
    assert mean.low < mean.value < mean.high
