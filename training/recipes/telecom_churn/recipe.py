# SPDX-License-Identifier: Apache-2.0
"""Churn of 2,000 synthetic accounts: scaled features, logistic regression.

The accounts are drawn from one seeded generator, column by column in a fixed order, and labelled by a rule, so that
anyone can draw them again.
"""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contracts.yaml_document import read_yaml
from training.recipe import Table

ACCOUNTS = 2_000
SEED = 42


def load() -> Table:
    """Draw the accounts; an account churns with 3 complaints or more, or when it is new and dear."""
    draw = np.random.default_rng(SEED)
    # The order of the draws is part of the data: another order gives other accounts.
    tenure = draw.uniform(1, 72, ACCOUNTS)
    monthly = draw.uniform(20, 150, ACCOUNTS)
    total = draw.uniform(20, 10_000, ACCOUNTS)
    complaints = draw.integers(0, 8, ACCOUNTS)
    churn = (complaints >= 3) | ((tenure < 6) & (monthly > 80))
    columns = {
        "tenure_months": tenure, "monthly_charges": monthly, "total_charges": total, "num_complaints": complaints,
    }  # fmt: skip
    return Table(
        {name: column.tolist() for name, column in columns.items()}, np.where(churn, "churn", "retain").tolist()
    )


def estimator() -> Any:
    """Give the unfitted pipeline."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, random_state=SEED))


def describe() -> Any:
    """Give the texts of the card, and those of the documents that lie beside this file."""
    path = Path(__file__).with_name("description.yaml")
    described = read_yaml(path.read_bytes(), path.name).value
    for document in described["documents"]:
        document["text"] = path.with_name(Path(document["file"]).name).read_text("utf-8")
    return described
