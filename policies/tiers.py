# SPDX-License-Identifier: Apache-2.0
"""Governance tiers: how much scrutiny a model gets, read from the words of its card.

Whether a card declares the right tier is left to the rules of the tier family.
"""

from enum import Enum
from typing import Final


class Tier(Enum):
    """A tier; ``rank`` grows with the scrutiny."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low, 2 for high."""
        return list(Tier).index(self)


REVIEW_DAYS: Final = {Tier.HIGH: 180, Tier.MEDIUM: 365, Tier.LOW: 730}
"""The longest interval between two reviews, in days: an own policy, set by tier and not by a fixed annual cycle."""


def read_tier(text: str | None) -> Tier | None:
    """The tier that ``Medium Risk`` or ``medium`` names; None where it names none."""
    word = " ".join((text or "").casefold().split()).removesuffix(" risk")
    return next((tier for tier in Tier if tier.value == word), None)


def strictest_unless_known(text: str | None) -> Tier:
    """The tier that a text names, and the highest where it names none: doubt never loosens a bound."""
    return read_tier(text) or Tier.HIGH
