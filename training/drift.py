# SPDX-License-Identifier: Apache-2.0
"""What the training rows looked like, feature by feature: the baseline that served inputs are compared with.

Numbers: `edges` are the distinct deciles, `shares[i]` the rows above `edges[i - 1]` and up to `edges[i]`; the first bin
is open below, the last, empty in training, is above the largest value. Text: the same of its length in characters.
Booleans and categories: the share of each value. The shares of labels and answers are there too. What is
served is sorted into the same bins, and compared by the index, in `contracts.drift`.
"""

from typing import Any

import numpy as np

from contracts.model_card import Feature
from training.rows import Array, Rows

# Without the minimum: a value that most rows share, such as 0, then has a bin of its own.
_DECILES = np.linspace(0.1, 1, 10)


def drift_baseline(train: Rows, given: list[str]) -> dict[str, Any]:
    """Describe the training rows and the labels `given` for them, as plain data."""
    columns = zip(train.features, train.columns, strict=True)
    return {
        "rows": len(train),
        "features": [_describe(feature, column) for feature, column in columns],
        "labels": _shares(train.labels),
        "answers": _shares(np.array(given, dtype=object)),
    }


def _describe(feature: Feature, column: Array) -> dict[str, Any]:
    known = {"name": feature.name, "type": feature.type}
    if feature.type == "boolean":
        return known | {"shares": _shares(np.where(column, "true", "false"))}
    if feature.type == "category":
        return known | {"shares": dict.fromkeys(sorted(feature.values or ()), 0.0) | _shares(column)}
    numbers = np.array([len(text) for text in column]) if feature.type == "text" else column
    return known | {"of": "length" if feature.type == "text" else "value"} | _spread(numbers.astype(np.float64))


def _spread(numbers: Array) -> dict[str, Any]:
    edges = np.unique(np.quantile(numbers, _DECILES))
    counts = np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1)
    return {
        "mean": float(numbers.mean()),
        "standard_deviation": float(numbers.std()),
        "minimum": float(numbers.min()),
        "maximum": float(numbers.max()),
        "edges": [float(edge) for edge in edges],
        "shares": [int(count) / len(numbers) for count in counts],
    }


def _shares(values: Array) -> dict[str, float]:
    names, counts = np.unique(values.astype(str), return_counts=True)
    return {str(name): int(count) / len(values) for name, count in zip(names, counts, strict=True)}
