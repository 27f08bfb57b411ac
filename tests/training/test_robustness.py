# SPDX-License-Identifier: Apache-2.0
"""Changed answers are counted as the card's definition says, by hand on rows that fit on one line."""

from typing import Any

import numpy as np
import pytest

from contracts.model_card import Feature
from contracts.model_card_assurance import Robustness
from training.description import to_description
from training.errors import RecipeInvalid
from training.robustness import robustness
from training.rows import Array, Rows, Table, to_rows

FEATURES = (
    Feature(name="size", type="number", minimum=0, maximum=10),
    Feature(name="count", type="integer", minimum=0, maximum=3),
    Feature(name="flag", type="boolean"),
)
SAID = Robustness(step=0.5, maximum=0.5, missing_field="refused")


def _rows(sizes: list[float], counts: list[int]) -> Rows:
    columns: dict[str, list[Any]] = {"size": sizes, "count": counts, "flag": [True] * len(sizes)}
    return to_rows(Table(columns, ["x"] * len(sizes)), FEATURES)


def _big(rows: Rows) -> Array:
    return (rows.columns[0] >= 5).astype(np.intp)


def _many(rows: Rows) -> Array:
    return (rows.columns[1] >= 2).astype(np.intp)


def test_a_number_moves_by_its_share_of_the_deviation() -> None:
    """With a deviation of 2 and a step of one half, what lies within 1 of the boundary changes."""
    train = _rows([3.0, 7.0], [0, 0])
    evaluation = _rows([3.9, 4.0, 4.5, 5.0, 5.9, 6.1, 10.0, 0.0], [0] * 8)
    changed = robustness(SAID, train, evaluation, _big, 0.95).changed_answers
    assert changed is not None
    assert changed["size"].value == 4 / 8
    assert (changed["size"].n, changed["count"].value) == (8, 0.0)
    assert set(changed) == {"size", "count"}


def test_an_integer_moves_by_one_at_least_and_stays_in_range() -> None:
    """A step below one still moves a whole one; beyond the card's bounds nothing moves."""
    train = _rows([1.0, 1.0], [1, 2])
    changed = robustness(SAID, train, _rows([1.0] * 4, [0, 1, 2, 3]), _many, 0.95).changed_answers
    assert changed is not None
    assert changed["count"].value == 2 / 4
    assert robustness(SAID, train, _rows([1.0], [3]), _many, 0.95).changed_answers["count"].value == 0.0  # type: ignore[index]


def test_what_was_said_is_kept() -> None:
    """Step, bound and what happens to a missing field are the recipe's."""
    found = robustness(SAID, _rows([1.0, 2.0], [1, 2]), _rows([1.0], [1]), _big, 0.95)
    assert (found.step, found.maximum, found.missing_field) == (0.5, 0.5, "refused")


@pytest.mark.parametrize(
    "part",
    [
        {"evaluation": {"robustness": {"step": 0.1, "changed_answers": {"size": {"value": 0}}}}},
        {"lineage": {"recipe_sha256": "ab" * 32}},
    ],
    ids=["changed answers", "digest of the recipe"],
)
def test_what_is_measured_cannot_be_typed_in(part: dict[str, object]) -> None:
    """A share or a digest in the texts is refused by name."""
    described = {"features": [{"name": "x", "type": "number"}]} | part
    with pytest.raises(RecipeInvalid, match="which training measures"):
        to_description(described)
