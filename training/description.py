# SPDX-License-Identifier: Apache-2.0
"""What a recipe says about its model: the parts of a card that people write, and how to train and measure.

`describe()` returns plain data with the keys of a card, plus `training` and `documents`. Keys that training measures
are refused, so that no figure on a card was typed in.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from contracts.model_card import Feature
from contracts.model_card_assurance import Robustness
from contracts.model_card_serving import FilePath, Text
from training.errors import RecipeInvalid

MEASURED = ("artifact", "explanation", "metrics", "evidence")
_MEASURED_WITHIN = {
    "fairness": ("attributes", "evaluation_date", "method"),
    "evaluation": ("equivalence", "libraries", "train_rows", "evaluation_rows", "recomputable_from"),
    "output": ("labels",),
    "lineage": ("recipe_sha256",),
}


class Training(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to split, how close the artifact must be to the pipeline, and how to draw intervals."""

    seed: Annotated[int, Meta(ge=0)] = 42
    evaluation_share: Annotated[float, Meta(gt=0, lt=1)] = 0.25
    tolerance: Annotated[float, Meta(gt=0, le=1e-3)] = 1e-9
    resamples: Annotated[int, Meta(ge=100)] = 1000
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95
    calibration_bins: Annotated[int, Meta(ge=2)] = 10


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A text that goes into the bundle beside the measured evidence, such as a validation report."""

    file: FilePath
    content: Text
    """What the file is, as the card's list of evidence says it."""
    text: Text


class Description(Struct, frozen=True):
    """A recipe's texts (`card`), and what training needs of them in types."""

    card: dict[str, Any]
    features: tuple[Feature, ...]
    training: Training
    positive: str | None
    threshold: float | None
    selected_label: str | None
    robustness: Robustness | None = None
    documents: tuple[Document, ...] = ()


def to_description(described: Any) -> Description:
    """Check what `describe()` returned. Raises RecipeInvalid."""
    if not isinstance(described, Mapping):
        raise RecipeInvalid("describe() must return a mapping with the keys of a model card")
    card = dict(described)
    _refuse_measured(card)
    output = card.get("output") or {}
    fairness = card.get("fairness") or {}
    try:
        return Description(
            card=card,
            training=msgspec.convert(card.pop("training", {}), Training),
            features=msgspec.convert(card.get("features"), tuple[Feature, ...]),
            positive=output.get("positive"),
            threshold=output.get("threshold"),
            selected_label=fairness.get("selected_label") or output.get("positive"),
            robustness=msgspec.convert(_robustness(card), Robustness | None),
            documents=msgspec.convert(card.pop("documents", ()), tuple[Document, ...]),
        )
    except msgspec.ValidationError as error:
        raise RecipeInvalid(f"describe(): {error}") from None


def _robustness(card: dict[str, Any]) -> Any:
    said = (card.get("evaluation") or {}).get("robustness")
    if isinstance(said, Mapping) and "changed_answers" in said:
        raise RecipeInvalid(
            "describe() gives `evaluation.robustness.changed_answers`, which training measures; remove it"
        )
    return said


def _refuse_measured(card: dict[str, Any]) -> None:
    written = [key for key in MEASURED if key in card]
    for part, keys in _MEASURED_WITHIN.items():
        inner = card.get(part, {})
        if not isinstance(inner, Mapping):
            raise RecipeInvalid(f"describe(): `{part}` must be a mapping")
        written += [f"{part}.{key}" for key in keys if key in inner]
    if written:
        raise RecipeInvalid(f"describe() gives `{written[0]}`, which training measures; remove it")
