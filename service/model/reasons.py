# SPDX-License-Identifier: Apache-2.0
"""Why a linear model scored a row as it did: exact contributions, which with the baseline add up to the score's logit.

A bundle without such numbers gets no reasons; none are invented.
"""

import math
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from contracts.bundle import Bundle
from contracts.errors import BundleInvalid
from contracts.model_card import ModelCard
from service.model.session import Row

_STRONGEST: Final = 4
_SCALE: Final = 1e6
"""Contributions in an answer are rounded to six decimals; in the record they are exact."""


class NumberTerm(Struct, frozen=True, tag="number", tag_field="kind"):
    """Contributes coefficient · (value − center)."""

    name: str
    coefficient: float
    center: float


class CategoryTerm(Struct, frozen=True, tag="category", tag_field="kind"):
    """Contributes a fixed number for each value."""

    name: str
    contributions: dict[str, float]


class LinearExplanation(Struct, frozen=True):
    """The file that the card's `explanation` names."""

    method: Literal["linear"]
    unit: str
    label: Annotated[str, Meta(min_length=1)] = msgspec.field(name="class")
    baseline: float
    features: tuple[NumberTerm | CategoryTerm, ...]


class Reason(Struct, frozen=True, gc=False):
    """One feature and what it added, in the unit of the explanation."""

    feature: str
    contribution: float


class Explained(NamedTuple):
    """The strongest reasons as JSON for the answer, and all contributions as JSON for the record.

    Baseline and unit are constants of the bundle, which the release digest of the record pins.
    """

    reasons: str
    explanation: str


class Explainer:
    """One multiplication per number, one look-up per category."""

    def __init__(self, explanation: LinearExplanation, card: ModelCard) -> None:
        places = {feature.name: position for position, feature in enumerate(card.features)}
        self._names = [term.name for term in explanation.features]
        self._numbers = [
            (position, places[term.name], term.coefficient, term.center)
            for position, term in enumerate(explanation.features)
            if isinstance(term, NumberTerm)
        ]
        self._categories = [
            (position, places[term.name], term.contributions)
            for position, term in enumerate(explanation.features)
            if isinstance(term, CategoryTerm)
        ]
        self._encode = msgspec.json.Encoder().encode
        self._positions = range(len(self._names))
        fields = [(f"f{position}", float) for position in self._positions]
        names = {field: name for (field, _), name in zip(fields, self._names, strict=True)}
        self._contributions = msgspec.defstruct("Contributions", fields, rename=names, frozen=True, gc=False)

    def contributions(self, row: Row) -> list[float]:
        """One number per feature, in the order of the explanation."""
        found = [0.0] * len(self._names)
        for position, place, coefficient, center in self._numbers:
            found[position] = coefficient * (row[place] - center)
        for position, place, values in self._categories:
            found[position] = values[row[place]]
        return found

    def explain(self, row: Row) -> Explained | None:
        """The reasons for one row, the strongest first; None when they are too large for a number."""
        found = self.contributions(row)
        if not math.isfinite(sum(found)):
            return None
        strength = [-value if value < 0 else value for value in found]
        order = sorted(self._positions, key=strength.__getitem__, reverse=True)[:_STRONGEST]
        names = self._names
        reasons = [Reason(names[position], _rounded(found[position])) for position in order]
        return Explained(self._encode(reasons).decode(), self._encode(self._contributions(*found)).decode())


def _rounded(value: float) -> float:
    # round() goes through decimal text, which costs more than all the rest of an explanation.
    return math.floor(value * _SCALE + 0.5) / _SCALE if -_SCALE < value < _SCALE else value


def load_explainer(bundle: Bundle) -> Explainer | None:
    """The explainer of a bundle, None when its card names no explanation. Raises BundleInvalid."""
    card = bundle.card
    if card.explanation is None:
        return None
    where = f"{bundle.root / card.explanation.file}"
    try:
        explanation = msgspec.json.decode(bundle.read(card.explanation.file), type=LinearExplanation)
    except msgspec.DecodeError as error:
        raise BundleInvalid(f"{where} is no linear explanation: {error}; train the bundle again") from error
    _check_terms(explanation, card, where)
    return Explainer(explanation, card)


def _check_terms(explanation: LinearExplanation, card: ModelCard, where: str) -> None:
    features = {feature.name: feature for feature in card.features}
    if len({term.name for term in explanation.features}) < len(explanation.features):
        raise BundleInvalid(f"{where} explains a feature twice")
    for term in explanation.features:
        feature = features.get(term.name)
        if feature is None:
            raise BundleInvalid(f"{where} explains `{term.name}`, which is no feature of the card")
        if isinstance(term, CategoryTerm):
            missing = set(feature.values or ()) - set(term.contributions)
            if feature.type != "category" or missing:
                raise BundleInvalid(f"{where}: `{term.name}` needs a contribution for each value on the card")
        elif feature.type not in ("number", "integer", "boolean"):
            raise BundleInvalid(f"{where}: `{term.name}` is {feature.type} on the card, not a number")
