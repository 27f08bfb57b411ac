# SPDX-License-Identifier: Apache-2.0
"""Fairness figures equal Fairlearn's; gaps that cannot be measured are absent."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fairlearn import metrics as oracle

from training.description import Training
from training.fairness import fairness
from training.metrics import Bools
from training.rows import Array

TRAINING = Training(resamples=100, seed=5)
ORACLES: dict[str, Callable[..., float]] = {
    "demographic_parity_difference": oracle.demographic_parity_difference,
    "demographic_parity_ratio": oracle.demographic_parity_ratio,
    "equalized_odds_difference": oracle.equalized_odds_difference,
    "equal_opportunity_difference": oracle.equal_opportunity_difference,
}


def _people(seed: int, groups: int) -> tuple[dict[str, Array], Bools, Bools]:
    draw = np.random.default_rng(seed)
    group = draw.choice([f"group {number}" for number in range(groups)], 500).astype(object)
    other = draw.choice(["x", "y"], 500).astype(object)
    is_true = draw.random(500) < 0.4
    selected = draw.random(500) < np.where(group == "group 0", 0.3, 0.5) + 0.2 * is_true
    return {"one": group, "two": other}, selected, is_true


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gaps_equal_those_of_fairlearn(seed: int, groups: int) -> None:
    """Every figure of every attribute, and of their intersection, is Fairlearn's to 1e-12."""
    people, selected, is_true = _people(seed, groups)
    found = fairness(people, selected, is_true, TRAINING)
    both = [f"{a}, {b}" for a, b in zip(people["one"], people["two"], strict=True)]
    groups_of = {"one": people["one"].tolist(), "two": people["two"].tolist(), "one and two": both}
    for name, values in groups_of.items():
        for metric, compute in ORACLES.items():
            expected = compute(is_true, selected, sensitive_features=values)
            assert getattr(found[name], metric).value == pytest.approx(expected, abs=1e-12), (name, metric)
    assert set(found) == {"one", "two", "one and two"}


def test_groups_have_sizes_and_rates() -> None:
    """Each group states its rows, its positives and its rates with Wilson intervals; none is lost."""
    people, selected, is_true = _people(1, 3)
    groups = fairness(people, selected, is_true, TRAINING)["one"].groups or {}
    assert sum(figures.n for figures in groups.values()) == 500
    assert sum(figures.positives for figures in groups.values()) == int(is_true.sum())
    frame = oracle.MetricFrame(
        metrics={"s": oracle.selection_rate, "t": oracle.true_positive_rate, "f": oracle.false_positive_rate},
        y_true=is_true, y_pred=selected, sensitive_features=list(people["one"]),
    )  # fmt: skip
    for name, figures in groups.items():
        rates: list[Any] = [figures.selection_rate, figures.true_positive_rate, figures.false_positive_rate]
        assert [rate.value for rate in rates] == pytest.approx(frame.by_group.loc[name].tolist(), abs=1e-12)
        assert all(rate.low <= rate.value <= rate.high and rate.interval == "wilson" for rate in rates)


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    """An empty rate is absent, and with one group left to compare so are the gaps that need it."""
    group = np.array(["a"] * 4 + ["b"] * 4, dtype=object)
    is_true = np.array([True, False, True, False] + [False] * 4)
    selected = np.array([True, False] * 4)
    found = fairness({"one": group}, selected, is_true, TRAINING)["one"]
    assert found.groups is not None
    assert found.groups["b"].true_positive_rate is None
    assert found.equal_opportunity_difference is None
    assert found.equalized_odds_difference is None
    assert found.demographic_parity_difference is not None


def test_nobody_selected_is_no_gap() -> None:
    """Equal selection rates of zero have a ratio of 1, not a division by zero."""
    people, _, is_true = _people(1, 2)
    found = fairness(people, np.zeros(500, dtype=np.bool_), is_true, TRAINING)["one"]
    assert found.demographic_parity_ratio is not None
    assert found.demographic_parity_ratio.value == 1.0
