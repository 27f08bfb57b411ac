# SPDX-License-Identifier: Apache-2.0
"""What a service does from the day on which its card is due for review, if nobody reviewed it.

An approval lapses at midnight UTC at the beginning of `next_review`, as the gate has it. The card says what happens
then in `review_overdue`; where it says nothing, its governance tier does. Answers themselves never change.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from contracts.governance_tier import Tier, strictest_tier
from contracts.model_card import ModelCard
from contracts.model_card_governance import WhenOverdue

WARNING_HEADER: Final = "Countersign-Warning"
"""Header of answers that are right but rest on something that is not in order: an RFC 9651 item, a token with
parameters. HTTP's own ``Warning`` is obsolete (RFC 9111), and nothing is deprecated or going away (RFC 9745, 8594)."""
REVIEW_OVERDUE: Final = "card-review-overdue"
"""The token of that header, and the reason of the notice in the log."""

ACTIONS: Final[tuple[WhenOverdue, ...]] = ("alert", "warn", "unready")
"""From the mildest on; each includes those before it."""
LEAST_OF_TIER: Final[Mapping[Tier, WhenOverdue]] = {Tier.LOW: "alert", Tier.MEDIUM: "warn", Tier.HIGH: "unready"}


def review_due(card: ModelCard) -> datetime | None:
    """When the approval lapses, or None when the card names no day."""
    day = card.next_review
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def when_overdue(card: ModelCard) -> WhenOverdue:
    """What the card asks for, by itself or by its tier."""
    return card.review_overdue or LEAST_OF_TIER[strictest_tier(card)]


def warning(due: datetime) -> str:
    """The value of the header."""
    return f'{REVIEW_OVERDUE};due="{due.date().isoformat()}"'
