# SPDX-License-Identifier: Apache-2.0
"""The request of a model, built from its card: names, types, ranges and the subject, with no model known by name.

Integers are bounded to ±2**53 where the card sets no bound, because the runtime computes in double precision.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from contracts.canonical import parse_json
from contracts.errors import ContractError
from contracts.model_card import Feature, ModelCard
from service.model.session import Row
from service.prediction.pii import find_personal_data
from service.prediction.rejection import RequestRejected, from_decoding

MAX_BATCH: Final = 10_000
_EXACT: Final = 1 << 53
_TEXT_LENGTH: Final = 4096
_SUBJECT_LENGTH: Final = 256


class Instance(NamedTuple):
    """One row of a request: the subject as received, feature values in card order, and both as JSON text."""

    subject: str
    row: Row
    subject_json: str
    input_json: str


class RequestSchema:
    """Decodes bodies; ``single`` and ``batch`` are the Struct types, for OpenAPI."""

    def __init__(self, card: ModelCard) -> None:
        self.single = _single_type(card)
        instances = Annotated[list[self.single], Meta(min_length=1, max_length=MAX_BATCH)]  # type: ignore[name-defined]
        self.batch = msgspec.defstruct(
            "BatchRequest", [("instances", instances)], forbid_unknown_fields=True, frozen=True, kw_only=True
        )
        self._decode_single = msgspec.json.Decoder(self.single).decode
        self._decode_batch = msgspec.json.Decoder(self.batch).decode
        self._encode = msgspec.json.Encoder().encode
        # The subject comes first in every encoded request, under this name.
        self._subject_head = len(self._encode(card.subject_field)) + 2
        self._names = 1 + len(card.features)
        self._choices = {feature.name: feature.values or () for feature in card.features}
        self._texts = [(place, feature.name) for place, feature in enumerate(card.features) if feature.type == "text"]

    def decode(self, body: bytes) -> Instance:
        """Raises RequestRejected."""
        try:
            decoded = self._decode_single(body)
        except (ValueError, RecursionError) as error:
            raise from_decoding(error, body, self._choices) from error
        _refuse_repeated_names(body, self._names)
        return self.instance(decoded, "$")

    def decode_batch(self, body: bytes) -> list[Struct]:
        """The rows of a batch, for `instance`. Raises RequestRejected."""
        try:
            rows: list[Struct] = msgspec.structs.astuple(self._decode_batch(body))[0]
        except (ValueError, RecursionError) as error:
            raise from_decoding(error, body, self._choices) from error
        _refuse_repeated_names(body, 1 + self._names * len(rows))
        return rows

    def instance(self, decoded: Struct, path: str) -> Instance:
        """Screen one decoded row. Raises RequestRejected when a text holds personal data."""
        subject, *values = msgspec.structs.astuple(decoded)
        for place, name in self._texts:
            found = find_personal_data(values[place])
            if found is not None:
                raise RequestRejected("personal-data", f"the text seems to hold {found}; remove it", f"{path}.{name}")
        subject_json = self._encode(subject)
        cut = self._subject_head + len(subject_json) + 1
        return Instance(subject, tuple(values), subject_json.decode(), "{" + self._encode(decoded)[cut:].decode())


def _refuse_repeated_names(body: bytes, names: int) -> None:
    """Raise RequestRejected when an object of a valid body names a member twice: parsers differ in which one counts.

    Every member is required and unknown ones were refused, so there are ``names`` members at least. As many colons as
    members leave none for a second one; more of them may also stand in texts, and only then is it looked up.
    """
    if body.count(b":") == names:
        return
    try:
        parse_json(body)
    except ContractError as error:
        raise RequestRejected("schema", str(error).removeprefix("not JSON: "), "$", "$") from error


def _single_type(card: ModelCard) -> type[Struct]:
    # Attribute names are positions: a feature may be called `class`, which is no Python name.
    subject = ("s", Annotated[str, Meta(min_length=1, max_length=_SUBJECT_LENGTH, description="pseudonymised")])
    features = [(f"f{place}", _feature_type(feature)) for place, feature in enumerate(card.features)]
    names = {"s": card.subject_field} | {f"f{place}": feature.name for place, feature in enumerate(card.features)}
    return msgspec.defstruct(
        "PredictRequest",
        [subject, *features],
        rename=names,
        forbid_unknown_fields=True,
        frozen=True,
        kw_only=True,
    )


def _feature_type(feature: Feature) -> Any:
    described = _described(feature)
    if feature.type == "number":
        return Annotated[float, Meta(ge=feature.minimum, le=feature.maximum, description=described)]
    if feature.type == "integer":
        low = -_EXACT if feature.minimum is None else max(math.ceil(feature.minimum), -_EXACT)
        high = _EXACT if feature.maximum is None else min(math.floor(feature.maximum), _EXACT)
        return Annotated[int, Meta(ge=low, le=high, description=described)]
    if feature.type == "boolean":
        return Annotated[bool, Meta(description=described)]
    if feature.type == "category":
        return Annotated[_literal(feature.values or ()), Meta(description=described)]
    return Annotated[str, Meta(max_length=feature.max_length or _TEXT_LENGTH, description=described)]


def _literal(values: Iterable[str]) -> Any:
    return Literal[tuple(values)]


def _described(feature: Feature) -> str | None:
    parts = [feature.description, None if feature.unit is None else f"in {feature.unit}"]
    return "; ".join(part for part in parts if part) or None
