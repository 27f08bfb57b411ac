# SPDX-License-Identifier: Apache-2.0
"""Data that the served model would refuse is refused before training; CSV gives the same rows back."""

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.model_card import Feature
from training.errors import RecipeInvalid
from training.rows import Table, csv_bytes, to_rows

NUMBER = Feature(name="x", type="number", minimum=0, maximum=10)
CATEGORY = Feature(name="x", type="category", values=("a", "b"))
TEXT = Feature(name="x", type="text", max_length=3)


@pytest.mark.parametrize(
    ("feature", "value", "what"),
    [
        (NUMBER, 11.0, "outside 0 to 10"),
        (NUMBER, math.nan, "not a finite number"),
        (NUMBER, "high", "not number"),
        (CATEGORY, "c", "not one of its values"),
        (CATEGORY, 1, "not text"),
        (TEXT, "abcd", "longer than 3"),
    ],
)
def test_a_value_that_serving_would_refuse_is_refused(feature: Feature, value: Any, what: str) -> None:
    """The message names the feature and what is wrong with it."""
    with pytest.raises(RecipeInvalid, match=rf"`x`.*{what}"):
        to_rows(Table({"x": [value]}, ["l"]), (feature,))


def test_columns_must_fit_the_features_and_each_other() -> None:
    """A missing, surplus or short column is named."""
    with pytest.raises(RecipeInvalid, match="different features: x, y"):
        to_rows(Table({"y": [1.0]}, ["l"]), (NUMBER,))
    with pytest.raises(RecipeInvalid, match="different lengths"):
        to_rows(Table({"x": [1.0, 2.0]}, ["l"]), (NUMBER,))


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(-(2**62), 2**62), st.booleans(), st.text()), min_size=1))
def test_csv_gives_every_value_back(records: list[tuple[float, int, bool, str]]) -> None:
    """Numbers to the same bits, text with any quotes and line breaks."""
    features = (
        NUMBER, Feature(name="i", type="integer"), Feature(name="b", type="boolean"), Feature(name="t", type="text"),
    )  # fmt: skip
    columns = dict(zip("xibt", map(list, zip(*records, strict=True)), strict=True))
    rows = to_rows(Table(columns, ["l"] * len(records)), features)
    text = csv_bytes(["x", "i", "b", "t"], rows.records()).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [(float(x), int(i), b == "true", t) for x, i, b, t in read] == records
