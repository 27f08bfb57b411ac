# SPDX-License-Identifier: Apache-2.0
"""A request that a model accepts, made from its card."""

from typing import Any

from contracts.model_card import Feature, ModelCard


def example_request(card: ModelCard) -> dict[str, Any]:
    """A valid body for ``POST /predict``: the middle of every range, the first of every category."""
    return {card.subject_field: "example-1"} | {feature.name: _value(feature) for feature in card.features}


def _value(feature: Feature) -> Any:
    if feature.type == "category":
        return (feature.values or ("",))[0]
    if feature.type == "text":
        return "example"[: feature.max_length]
    if feature.type == "boolean":
        return False
    low = feature.minimum if feature.minimum is not None else min(0.0, feature.maximum or 0.0)
    high = feature.maximum if feature.maximum is not None else low
    middle = (low + high) / 2
    return int(middle) if feature.type == "integer" else round(middle, 2)
