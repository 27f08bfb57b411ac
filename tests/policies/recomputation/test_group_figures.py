# SPDX-License-Identifier: Apache-2.0
"""Gaps between groups are Fairlearn's, and their intervals training's."""

from typing import Any

import numpy as np
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.model_card_evidence import AttributeFairness
from policies.recomputation.group_figures import group_figures
from policies.recomputation.intervals import Sampling
from training.description import Training
from training.fairness import fairness as trained_fairness

GAPS = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "demographic_parity_ratio": fairlearn.demographic_parity_ratio,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
}


@st.composite
def people(draw: st.DrawFn) -> tuple[dict[str, list[str]], Any, Any]:
    """Two attributes, answers and labels; every group has rows of both labels."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(24, 60))
    groups = {"sex": [("f", "m", "x")[i % 3] for i in range(n)], "old": [("no", "yes")[i // 3 % 2] for i in range(n)]}
    is_true = np.array([i // 6 % 2 == 0 for i in range(n)])
    selected = generator.random(n) < 0.5
    selected[0] = True  # Fairlearn's ratio of nobody selected at all is not a number
    return groups, selected, is_true


@given(people())
@settings(max_examples=12, deadline=None)
def test_gaps_are_those_of_fairlearn(sample: tuple[dict[str, list[str]], Any, Any]) -> None:
    """Between groups, worst case of both error rates, for single attributes and for pairs."""
    groups, selected, is_true = sample
    found = group_figures(groups, selected, is_true, Sampling(1, 10, 0.9))
    assert list(found) == ["sex", "old", "sex and old"]
    for name, gap in GAPS.items():
        for attribute, values in groups.items():
            expected = gap(is_true, selected, sensitive_features=values)
            assert getattr(found[attribute], name).value == pytest.approx(expected), name
        both = [f"{a}, {b}" for a, b in zip(groups["sex"], groups["old"], strict=True)]
        expected = gap(is_true, selected, sensitive_features=both)
        assert getattr(found["sex and old"], name).value == pytest.approx(expected), name


@given(people(), st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_every_bound_is_that_of_training(sample: tuple[dict[str, list[str]], Any, Any], seed: int) -> None:
    """The same strata, the same resamples, the same percentiles and the same rates."""
    groups, selected, is_true = sample
    arrays = {name: np.array(values, dtype=object) for name, values in groups.items()}
    expected = trained_fairness(arrays, selected, is_true, Training(seed=seed, resamples=100, confidence=0.9))
    found = group_figures(groups, selected, is_true, Sampling(seed, 100, 0.9))
    assert _numbers(found) == pytest.approx(_numbers(expected), abs=1e-9)


def _numbers(figures: dict[str, AttributeFairness]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for attribute, item in figures.items():
        rates = {
            f"{name}.{rate}": getattr(group, rate)
            for name, group in (item.groups or {}).items()
            for rate in ("selection_rate", "true_positive_rate", "false_positive_rate")
        }
        for name, metric in {**{gap: getattr(item, gap) for gap in GAPS}, **rates}.items():
            for part in ("value", "low", "high", "n"):
                numbers[f"{attribute}.{name}.{part}"] = getattr(metric, part)
    return numbers


def test_a_gap_without_two_groups_is_absent() -> None:
    """One group alone is apart from nobody, and a group without positives has no true positive rate."""
    yes, no = np.array([True] * 6), np.array([False] * 6)
    alone = group_figures({"a": ["x"] * 6}, yes, yes, Sampling(1, 10, 0.9))["a"]
    assert alone.demographic_parity_difference is None
    both = group_figures({"a": ["x", "y"] * 3}, no, np.array([True, False] * 3), Sampling(1, 10, 0.9))["a"]
    assert both.equal_opportunity_difference is None
    assert both.demographic_parity_ratio is not None
    assert both.demographic_parity_ratio.value == 1.0
