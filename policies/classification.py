# SPDX-License-Identifier: Apache-2.0
"""Governance tiers and classes of the AI Act, as cards spell them, in order, and the least tier that facts ask for.

The least tier follows from exposure and purpose, as SR 26-2 sees materiality, and from what the card says of people. A
card whose tier cannot be read is treated as tier high wherever strictness depends on it.
"""

from enum import IntEnum
from typing import Final

from contracts.governance_tier import Tier, level_of, strictest_tier, tier_of
from contracts.model_card import ModelCard

__all__ = ["RiskClass", "Tier", "class_of", "least_tiers", "strictest_tier", "tier_of"]


class RiskClass(IntEnum):
    """A class of the AI Act; the stricter class is the greater."""

    MINIMAL = 0
    LIMITED = 1
    HIGH = 2
    PROHIBITED = 3


_CLASSES: Final = {
    "minimal": RiskClass.MINIMAL, "limited": RiskClass.LIMITED, "high": RiskClass.HIGH,
    "prohibited": RiskClass.PROHIBITED, "unacceptable": RiskClass.PROHIBITED,
}  # fmt: skip


def class_of(text: str | None) -> RiskClass | None:
    """Read a class such as ``Limited Risk`` or ``prohibited``; None for anything else."""
    return _CLASSES.get(level_of(text))


def least_tiers(card: ModelCard) -> list[tuple[Tier, str]]:
    """The tiers that the card's own facts ask for at least, each with the reason; only facts that can be read count."""
    found = []
    materiality = card.materiality
    if materiality is not None:
        exposure, purpose = tier_of(materiality.exposure), tier_of(materiality.purpose)
        if exposure is not None and purpose is not None:
            why = f"exposure {exposure.name.lower()} and purpose {purpose.name.lower()}"
            found.append((Tier((exposure + purpose + 1) // 2), why))
    declared = class_of(card.eu_ai_act_classification)
    if declared is not None and declared >= RiskClass.HIGH:
        found.append((Tier.HIGH, f"class {declared.name.lower()} of the AI Act"))
    if card.eu_ai_act is not None and card.eu_ai_act.profiling:
        found.append((Tier.MEDIUM, "profiling of people"))
    if card.privacy is not None and card.privacy.significant_effect:
        found.append((Tier.HIGH, "answers with significant effects on people"))
    return found
