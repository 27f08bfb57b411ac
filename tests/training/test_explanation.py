# SPDX-License-Identifier: Apache-2.0
"""Reasons are exact or absent."""

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from contracts.model_card import Feature
from training.explanation import explained, linear_explanation
from training.rows import Rows, Table, to_rows

FEATURES = (
    Feature(name="months", type="number", minimum=0, maximum=100),
    Feature(name="calls", type="integer", minimum=0),
    Feature(name="paper", type="boolean"),
    Feature(name="plan", type="category", values=("basic", "plus", "never sold")),
)


def _rows(seed: int) -> Rows:
    draw = np.random.default_rng(seed)
    months, calls = draw.uniform(1, 90, 300), draw.integers(0, 9, 300)
    paper, plan = draw.random(300) < 0.3, draw.choice(["basic", "plus"], 300)
    churn = draw.random(300) < 1 / (1 + np.exp(months / 30 - calls / 3 - (plan == "plus") + paper))
    columns = {"months": months.tolist(), "calls": calls.tolist(), "paper": paper.tolist(), "plan": plan.tolist()}
    return to_rows(Table(columns, np.where(churn, "churn", "retain").tolist()), FEATURES)


def _fit(rows: Rows, numbers: Any, classifier: Any) -> Any:
    columns = ColumnTransformer(
        [("n", numbers, [0, 1]), ("b", "passthrough", [2]), ("c", OneHotEncoder(handle_unknown="ignore"), [3])]
    )
    return make_pipeline(columns, classifier).fit(rows.matrix(), rows.labels)


@pytest.mark.parametrize("positive", ["churn", "retain"])
def test_contributions_add_up_and_are_centred(positive: str) -> None:
    """They sum to the log-odds of the positive label; over the training rows they average to the baseline."""
    rows, unseen = _rows(1), _rows(2)
    fitted = _fit(rows, StandardScaler(), LogisticRegression())
    found = linear_explanation(fitted, rows, unseen, positive)
    assert found is not None
    assert found["class"] == positive
    sign = 1 if positive == "retain" else -1
    assert np.abs(explained(found, unseen.matrix()) - sign * fitted.decision_function(unseen.matrix())).max() < 1e-9
    assert explained(found, rows.matrix()).mean() == pytest.approx(found["baseline"], abs=1e-9)
    assert set(found["features"][3]["contributions"]) == {"basic", "plus", "never sold"}


@pytest.mark.parametrize(
    ("numbers", "classifier"),
    [
        (StandardScaler(), RandomForestClassifier(5, random_state=1)),
        (PolynomialFeatures(2), LogisticRegression(max_iter=5000)),
    ],
    ids=["trees", "interactions"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_without_exact_contributions_gets_none(numbers: Any, classifier: Any) -> None:
    """No approximation stands in for reasons: trees and interactions have none of this kind."""
    rows = _rows(1)
    assert linear_explanation(_fit(rows, numbers, classifier), rows, _rows(2), "churn") is None
