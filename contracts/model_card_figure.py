# SPDX-License-Identifier: Apache-2.0
"""A figure as every part of a model card writes it: value, interval, rows. Whether it is true is left to the gate."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.model_card_serving import Text

Count = Annotated[int, Meta(ge=0)]


class Metric(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure, the bounds of its interval at the evaluation's confidence, and the rows it rests on."""

    value: float
    low: float | None = None
    high: float | None = None
    n: Count | None = None
    interval: Text | None = None
