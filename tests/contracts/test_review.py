# SPDX-License-Identifier: Apache-2.0
"""When an approval lapses, and what follows by card and by tier."""

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ModelCardInvalid
from contracts.governance_tier import Tier
from contracts.model_card import ModelCard, parse_card
from contracts.review import ACTIONS, LEAST_OF_TIER, review_due, warning, when_overdue

ROOT = Path(__file__).parents[2]
CARDS = [ROOT / "models" / name / "1.0.0" / "card.yaml" for name in ("telecom-churn", "telco-watson")]
CARD = parse_card(CARDS[0].read_bytes())


def changed(**parts: object) -> ModelCard:
    return msgspec.structs.replace(CARD, **parts)


def test_approval_lapses_at_midnight_utc() -> None:
    """At the beginning of the day that the card names, as the gate has it; without a day never."""
    assert review_due(changed(next_review=date(2027, 5, 21))) == datetime(2027, 5, 21, tzinfo=UTC)
    assert review_due(changed(next_review=None)) is None


@pytest.mark.parametrize(
    ("tier", "action"),
    [("Low Risk", "alert"), ("medium", "warn"), ("HIGH", "unready"), (None, "unready"), ("grave", "unready")],
)
def test_tier_says_what_follows(tier: str | None, action: str) -> None:
    """Where the card does not; a tier that cannot be read is the strictest."""
    assert when_overdue(changed(governance_tier=tier)) == action


@pytest.mark.parametrize("action", ACTIONS)
def test_card_says_what_follows(action: str) -> None:
    """Before its tier does, be it milder or stricter: the gate holds the one against the other."""
    assert when_overdue(changed(review_overdue=action)) == action
    assert set(LEAST_OF_TIER) == set(Tier)


def test_released_cards_say_nothing_and_warn() -> None:
    """Cards from before the field are what they were, byte for byte, and follow their tier."""
    for path in CARDS:
        card = parse_card(path.read_bytes())
        assert card.review_overdue is None
        assert when_overdue(card) == "warn"


def test_action_that_does_not_exist() -> None:
    """Refused at its line."""
    with pytest.raises(ModelCardInvalid, match="review_overdue"):
        parse_card(CARDS[0].read_bytes() + b"review_overdue: panic\n")


def test_warning_is_an_item_of_rfc_9651() -> None:
    """A token with a parameter whose value is a string: no quotes or other characters that would need escapes."""
    assert warning(datetime(2027, 5, 21, tzinfo=UTC)) == 'card-review-overdue;due="2027-05-21"'
