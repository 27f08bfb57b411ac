# SPDX-License-Identifier: Apache-2.0
"""Exact contributions of each feature to a linear model's log-odds, taken from the fitted pipeline itself.

The contributions are measured by changing one feature at a time, so that any preprocessing is covered, and then
checked: they must add up to the pipeline's own log-odds within `TOLERANCE` on every evaluation row and at every end of
every range. A model that is not linear in this sense gets no explanation, rather than an approximate one.
"""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from contracts.model_card import Feature
from training.rows import NUMERIC, Array, Floats, Rows

TOLERANCE = 1e-9
EXPLANATION_FILE = "evidence/explanation.json"


def linear_explanation(fitted: Any, train: Rows, evaluation: Rows, positive: str) -> dict[str, Any] | None:
    """Give baseline and contributions to the log-odds of `positive`, or None where there are no exact ones."""
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if not isinstance(last, LogisticRegression) or any(feature.type == "text" for feature in train.features):
        return None
    sign = 1.0 if fitted.classes_[1] == positive else -1.0

    def log_odds(matrix: Array) -> Floats:
        return np.asarray(sign * fitted.decision_function(matrix), dtype=np.float64)

    origin = train.matrix()[:1]
    at_origin = float(log_odds(origin)[0])
    parts = [_part(log_odds, origin, place, feature, train) for place, feature in enumerate(train.features)]
    # Centred on the training rows: a contribution is the distance from the average account, the baseline its log-odds.
    baseline = at_origin + sum(part.pop("shift") for part in parts)
    explanation = {
        "method": "linear", "unit": "log-odds", "class": positive, "baseline": baseline, "features": parts,
    }  # fmt: skip
    probes = np.vstack([evaluation.matrix(), *_range_ends(evaluation)])
    exact = np.abs(explained(explanation, probes) - log_odds(probes)).max() <= TOLERANCE
    return explanation if exact else None


def explained(explanation: dict[str, Any], matrix: Array) -> Floats:
    """Add up baseline and contributions for each row of `matrix`, columns in the order of the card."""
    total = np.full(len(matrix), explanation["baseline"], dtype=np.float64)
    for place, part in enumerate(explanation["features"]):
        column = matrix[:, place]
        if part["kind"] == "category":
            total += np.array([part["contributions"][value] for value in column], dtype=np.float64)
        else:
            total += part["coefficient"] * (column.astype(np.float64) - part["center"])
    return total


def _part(log_odds: Any, origin: Array, place: int, feature: Feature, train: Rows) -> dict[str, Any]:
    column = train.columns[place]
    if feature.type == "category":
        values = list(feature.values or ())
        effects = log_odds(_varied(origin, place, values)) - log_odds(origin)[0]
        shares = np.array([np.mean(column == value) for value in values])
        shift = float(effects @ shares)
        contributions = {value: float(effect) - shift for value, effect in zip(values, effects, strict=True)}
        return {"name": feature.name, "kind": "category", "contributions": contributions, "shift": shift}
    numbers = column.astype(np.float64)
    low, high = _ends(feature, numbers)
    ends = log_odds(_varied(origin, place, [low, high]))
    coefficient = float(ends[1] - ends[0]) / (high - low)
    center = float(numbers.mean())
    shift = coefficient * (center - float(origin[0, place]))
    return {"name": feature.name, "kind": "number", "coefficient": coefficient, "center": center, "shift": shift}


def _ends(feature: Feature, numbers: Floats) -> tuple[float, float]:
    if feature.type == "boolean":
        return 0.0, 1.0
    low = float(numbers.min()) if feature.minimum is None else feature.minimum
    high = float(numbers.max()) if feature.maximum is None else feature.maximum
    return (low, high) if high > low else (low, low + 1.0)


def _varied(origin: Array, place: int, values: list[Any]) -> Array:
    varied = np.repeat(origin, len(values), axis=0)
    varied[:, place] = values
    return varied


def _range_ends(rows: Rows) -> list[Array]:
    origin = rows.matrix()[:1]
    ends = []
    for place, feature in enumerate(rows.features):
        numeric = feature.type in NUMERIC
        values = _ends(feature, rows.columns[place].astype(np.float64)) if numeric else feature.values or ()
        ends.append(_varied(origin, place, list(values)))
    return ends
