# SPDX-License-Identifier: Apache-2.0
"""The parts of a model card that a service needs: the request's schema, the answer's shape, the artifact.

These are required and consistent when a card has been read. Whether the artifact's bytes have the digest that stands
here is left to `contracts.bundle`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, 64 lower-case hex digits")]
# `$` alone would let a line feed pass at the end; `(?!\n)` does not, in Python and in ECMA regular expressions.
FieldName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$(?!\n)", description="name of a JSON field")]
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
FilePath = Annotated[
    str, Meta(pattern=rf"^({_SEGMENT}/)*{_SEGMENT}$(?!\n)", description="path of a file inside the bundle, with `/`")
]

# Fields of every answer, whatever the model: no card may give its own fields these names.
ANSWER_FIELDS = frozenset({"model_version", "request_id", "timestamp", "evidence", "reasons"})


class Feature(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field of a request and one input of the model; the bounds are inclusive and hold for requests."""

    name: FieldName
    type: Literal["number", "integer", "boolean", "category", "text"]
    description: Text | None = None
    unit: Text | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    max_length: Annotated[int, Meta(ge=1)] | None = None
    pii: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that do not belong to the type, or that nothing can satisfy."""
        numeric = self.type in ("number", "integer")
        if not numeric and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"`{self.name}` is {self.type}: only number and integer have minimum and maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"`{self.name}` has minimum {self.minimum:g} above maximum {self.maximum:g}")
        if (self.type == "category") != bool(self.values):
            raise ValueError(f"`{self.name}` is {self.type}: a category lists its values, no other type does")
        if self.values and len(set(self.values)) != len(self.values):
            raise ValueError(f"`{self.name}` lists a value twice")
        if self.max_length is not None and self.type != "text":
            raise ValueError(f"`{self.name}` is {self.type}: only text has max_length")


class Output(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the artifact's probabilities, in the order of `labels`, become an answer.

    Two labels: the score is the probability of `positive`, the label is `positive` if score >= threshold, else the
    other. More labels: the label is the most probable one (the first of equals), the score its probability.
    """

    labels: Annotated[tuple[Text, ...], Meta(min_length=2)]
    positive: Text | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    label_field: FieldName = "prediction"
    score_field: FieldName = "score"
    score_decimals: Annotated[int, Meta(ge=0, le=15)] = 4
    description: Text | None = None

    def __post_init__(self) -> None:
        """Refuse an output from which no label could be derived, or two."""
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("`labels` holds a label twice")
        binary = len(self.labels) == 2
        if binary and (self.positive not in self.labels or self.threshold is None):
            raise ValueError("two labels need `positive`, one of the labels, and a `threshold`")
        if not binary and (self.positive is not None or self.threshold is not None):
            raise ValueError("`positive` and `threshold` belong to models of two labels only")
        if self.label_field == self.score_field:
            raise ValueError("`label_field` and `score_field` are the same")


class Artifact(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model file. Only formats that load without running code from the file are named."""

    file: FilePath
    sha256: Sha256
    format: Literal["onnx"]
    opset: int | None = None


class Explanation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the numbers stand from which each prediction's reasons are computed exactly."""

    method: Literal["linear"]
    file: FilePath
    sha256: Sha256
    unit: Text | None = None
