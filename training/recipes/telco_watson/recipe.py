# SPDX-License-Identifier: Apache-2.0
"""Churn of IBM's 7,043 sample customers: scaled and one-hot features, logistic regression.

Gender and senior citizenship are loaded as protected groups and are no features; nor are partner and dependents, which
say something of a household and not of the service.
"""

import csv
from pathlib import Path
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from contracts.yaml_document import read_yaml
from training.errors import RecipeInvalid
from training.recipe import Table

DATA = Path(__file__).with_name("data.csv")
NUMBERS = ("tenure_months", "monthly_charges", "total_charges")
BOOLEANS = ("phone_service", "paperless_billing")
CATEGORIES = (
    "multiple_lines", "internet_service", "online_security", "online_backup", "device_protection", "tech_support",
    "streaming_tv", "streaming_movies", "contract", "payment_method",
)  # fmt: skip


def load() -> Table:
    """Read the customers as they were published."""
    with DATA.open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    columns: dict[str, list[Any]] = {
        "tenure_months": [int(customer["tenure"]) for customer in customers],
        "monthly_charges": [float(customer["monthly_charges"]) for customer in customers],
        "total_charges": [_total_charges(customer) for customer in customers],
    }
    columns |= {name: [customer[name] == "1" for customer in customers] for name in BOOLEANS}
    columns |= {name: [customer[name] for customer in customers] for name in CATEGORIES}
    groups = {
        "gender": ["female" if customer["female"] == "1" else "male" for customer in customers],
        "senior_citizen": ["yes" if customer["senior_citizen"] == "1" else "no" for customer in customers],
    }
    labels = ["churn" if customer["churn"] == "Yes" else "retain" for customer in customers]
    return Table(columns, labels, groups, DATA)


def estimator() -> Any:
    """Give the unfitted pipeline; columns by position, in the order of the features."""
    numbers = list(range(len(NUMBERS)))
    booleans = list(range(len(NUMBERS), len(NUMBERS) + len(BOOLEANS)))
    first_category = len(NUMBERS) + len(BOOLEANS)
    categories = list(range(first_category, first_category + len(CATEGORIES)))
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), numbers),
            ("booleans", "passthrough", booleans),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000, random_state=42))


def describe() -> Any:
    """Give the texts of the card, and those of the documents that lie beside this file."""
    path = Path(__file__).with_name("description.yaml")
    described = read_yaml(path.read_bytes(), path.name).value
    for document in described["documents"]:
        document["text"] = path.with_name(Path(document["file"]).name).read_text("utf-8")
    return described


def _total_charges(customer: dict[str, str]) -> float:
    """Blank is what the source has for customers who were never billed: those in their first month."""
    if customer["total_charges"]:
        return float(customer["total_charges"])
    if customer["tenure"] != "0":
        raise RecipeInvalid(f"{DATA.name}: total_charges is blank for a tenure of {customer['tenure']}; expected 0")
    return 0.0
