# SPDX-License-Identifier: Apache-2.0
"""The drift baseline describes each feature by shares that sum to one."""

import numpy as np
import pytest

from contracts.model_card import Feature
from training.drift import drift_baseline
from training.rows import Table, to_rows

FEATURES = (
    Feature(name="n", type="number"),
    Feature(name="few", type="integer"),
    Feature(name="flag", type="boolean"),
    Feature(name="kind", type="category", values=("a", "b", "unseen")),
    Feature(name="note", type="text"),
)


def test_shares_sum_to_one_and_follow_the_rows() -> None:
    """Deciles of a continuous feature hold a tenth each; a shared value has its own bin; unseen values are 0."""
    n = 1000
    columns = {
        "n": np.random.default_rng(3).normal(size=n).tolist(),
        "few": ([0] * 950 + [1] * 50),
        "flag": [True] * 250 + [False] * 750,
        "kind": ["a"] * 400 + ["b"] * 600,
        "note": ["same"] * n,
    }
    rows = to_rows(Table(columns, ["x", "y"] * (n // 2)), FEATURES)
    baseline = drift_baseline(rows, ["x"] * n)
    number, few, flag, kind, note = baseline["features"]
    assert number["shares"] == pytest.approx([0.1] * 10 + [0.0])
    assert number["edges"][-1] == number["maximum"]
    assert (few["edges"], few["shares"]) == ([0.0, 1.0], [0.95, 0.05, 0.0])
    assert flag["shares"] == {"false": 0.75, "true": 0.25}
    assert kind["shares"] == {"a": 0.4, "b": 0.6, "unseen": 0.0}
    assert (note["of"], note["mean"], note["shares"]) == ("length", 4.0, [1.0, 0.0])
    assert (baseline["labels"], baseline["answers"]) == ({"x": 0.5, "y": 0.5}, {"x": 1.0})
