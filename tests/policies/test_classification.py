# SPDX-License-Identifier: Apache-2.0
"""Tiers and classes are read as cards spell them, and nothing else is taken for one."""

from pathlib import Path

import msgspec
import pytest

from contracts.model_card import ModelCard, parse_card
from policies.classification import RiskClass, Tier, class_of, least_tiers, strictest_tier, tier_of

CARD = parse_card((Path(__file__).parents[2] / "models/telco-watson/1.0.0/card.yaml").read_bytes())


@pytest.mark.parametrize(
    ("text", "tier"),
    [("Medium Risk", Tier.MEDIUM), ("low", Tier.LOW), ("HIGH-RISK", Tier.HIGH), ("Tier: high", Tier.HIGH)]
    + [(text, None) for text in (None, "", "mediumish", "3", "not high", "high or low", "risk")],
)
def test_tiers(text: str | None, tier: Tier | None) -> None:
    """The level alone counts, with or without the words risk and tier; a text that says more is no tier."""
    assert tier_of(text) is tier


@pytest.mark.parametrize(
    ("text", "found"),
    [("Limited Risk", RiskClass.LIMITED), ("minimal", RiskClass.MINIMAL), ("High-Risk", RiskClass.HIGH)]
    + [("Unacceptable risk", RiskClass.PROHIBITED), ("prohibited", RiskClass.PROHIBITED)]
    + [(text, None) for text in (None, "none", "medium", "not high", "n/a")],
)
def test_classes(text: str | None, found: RiskClass | None) -> None:
    """The four classes of the Act, by either name of the worst; nothing else."""
    assert class_of(text) is found


def test_an_unreadable_tier_is_the_strictest() -> None:
    """A gap on the card never makes a rule milder."""
    assert strictest_tier(CARD) is Tier.MEDIUM
    assert strictest_tier(_changed(governance_tier=None)) is Tier.HIGH
    assert strictest_tier(_changed(governance_tier="whatever")) is Tier.HIGH


@pytest.mark.parametrize(
    ("exposure", "purpose", "tier"),
    [
        ("low", "low", Tier.LOW), ("low", "medium", Tier.MEDIUM), ("medium", "low", Tier.MEDIUM),
        ("medium", "medium", Tier.MEDIUM), ("low", "high", Tier.MEDIUM), ("high", "low", Tier.MEDIUM),
        ("medium", "high", Tier.HIGH), ("high", "medium", Tier.HIGH), ("high", "high", Tier.HIGH),
    ],
)  # fmt: skip
def test_materiality(exposure: str, purpose: str, tier: Tier) -> None:
    """Exposure and purpose together give the least tier."""
    card = _changed(materiality={"exposure": exposure, "purpose": purpose}, eu_ai_act={})
    assert [found for found, _ in least_tiers(card)] == [tier]


def test_facts_about_people_raise_the_least_tier() -> None:
    """A high class and significant effects ask for tier high, profiling for medium."""
    card = _changed(
        materiality={}, eu_ai_act={"profiling": True}, privacy={"significant_effect": True},
        eu_ai_act_classification="High Risk",
    )  # fmt: skip
    assert sorted(found for found, _ in least_tiers(card)) == [Tier.MEDIUM, Tier.HIGH, Tier.HIGH]


def _changed(**changes: object) -> ModelCard:
    return msgspec.convert(msgspec.to_builtins(CARD) | changes, ModelCard)
