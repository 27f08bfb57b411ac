# SPDX-License-Identifier: Apache-2.0
"""Governance tiers, as cards spell them, in order; gate and service read them alike."""

from enum import IntEnum

from contracts.model_card import ModelCard
from contracts.plain_text import plain


class Tier(IntEnum):
    """How closely a model is governed; the stricter tier is the greater."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


def tier_of(text: str | None) -> Tier | None:
    """Read a level such as ``Medium Risk``, ``medium`` or ``Tier: high``; None for anything else."""
    return Tier.__members__.get(level_of(text).upper())


def strictest_tier(card: ModelCard) -> Tier:
    """The card's tier; high where it is missing or cannot be read, so that no gap makes anything milder."""
    tier = tier_of(card.governance_tier)
    return Tier.HIGH if tier is None else tier


def level_of(text: str | None) -> str:
    """Leave out the words ``risk`` and ``tier``."""
    return " ".join(word for word in plain(text or "").split() if word not in ("risk", "tier"))
