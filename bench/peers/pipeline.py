# SPDX-License-Identifier: Apache-2.0
"""The scikit-learn pipeline that every peer serves: that of the reference model, fitted anew at each start.

Needs numpy and scikit-learn alone, so that it runs in any peer's environment; fitting takes a few milliseconds and
spares a pickle.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ("tenure_months", "monthly_charges", "total_charges", "num_complaints")
_ACCOUNTS = 2_000


def fit() -> Any:
    """A fitted classifier over 2,000 synthetic accounts; column 1 of its probabilities is churn."""
    draw = np.random.default_rng(42)
    tenure = draw.uniform(1, 72, _ACCOUNTS)
    monthly = draw.uniform(20, 150, _ACCOUNTS)
    total = draw.uniform(20, 10_000, _ACCOUNTS)
    complaints = draw.integers(0, 8, _ACCOUNTS)
    leaves = (complaints >= 3) | ((tenure < 6) & (monthly > 80))
    rows = np.column_stack([tenure, monthly, total, complaints])
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, random_state=42)).fit(rows, leaves)


def churn_probabilities(pipeline: Any, rows: Sequence[Sequence[float]]) -> list[float]:
    """One probability per row of feature values in the order of `FEATURES`."""
    found: list[float] = pipeline.predict_proba(np.array(rows, dtype=np.float64))[:, 1].tolist()
    return found
