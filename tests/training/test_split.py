# SPDX-License-Identifier: Apache-2.0
"""Nothing that is evaluated was trained on."""

import numpy as np
import pytest

from contracts.model_card import Feature
from training.errors import RecipeInvalid
from training.rows import Rows, Table, to_rows
from training.split import split

FEATURES = (Feature(name="x", type="integer"),)


def _rows(values: list[int], labels: list[str]) -> Rows:
    return to_rows(Table({"x": values}, labels), FEATURES)


def test_equal_rows_stay_on_one_side() -> None:
    """No feature row is on both sides, though most occur several times and with both labels."""
    draw = np.random.default_rng(4)
    rows = _rows(draw.integers(0, 60, 400).tolist(), draw.choice(["a", "b"], 400).tolist())
    train, evaluation = split(rows, 0.25, seed=1)
    assert not set(train.records()) & set(evaluation.records())
    assert len(train) + len(evaluation) == 400
    assert 0.15 < len(evaluation) / 400 < 0.35


def test_the_seed_decides() -> None:
    """One seed gives one split; another gives another."""
    rows = _rows(list(range(200)), ["a", "b"] * 100)
    first, again, other = (split(rows, 0.25, seed)[1].records() for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 50


@pytest.mark.parametrize("labels", [["a"] * 20, ["a"] * 19 + ["b"]])
def test_every_label_is_needed_on_both_sides(labels: list[str]) -> None:
    """One label, or a label with a single row, cannot be trained and evaluated."""
    with pytest.raises(RecipeInvalid, match="rows of every label"):
        split(_rows(list(range(20)), labels), 0.25, seed=1)
