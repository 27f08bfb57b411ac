# SPDX-License-Identifier: Apache-2.0
"""The rows a model was evaluated with, as requests to its service."""

import csv
from collections.abc import Callable
from typing import Any, Final

from contracts.bundle import Bundle
from contracts.errors import BundleInvalid

_FILE: Final = "evidence/evaluation.csv"
_READ: Final[dict[str, Callable[[str], Any]]] = {
    "number": float,
    "integer": int,
    "boolean": lambda text: text == "true",
    "category": str,
    "text": str,
}


def evaluation_requests(bundle: Bundle) -> list[dict[str, Any]]:
    """One request per evaluation row, checked against its digest on the card; BundleInvalid when it lacks columns."""
    rows = csv.DictReader(bundle.read(_FILE).decode("utf-8").splitlines())
    try:
        return [
            {bundle.card.subject_field: f"evaluation-row-{row['row']}"}
            | {feature.name: _READ[feature.type](row[feature.name]) for feature in bundle.card.features}
            for row in rows
        ]
    except (KeyError, ValueError) as error:
        raise BundleInvalid(f"{bundle.root / _FILE}: a row does not fit the card's features: {error}") from error
