# SPDX-License-Identifier: Apache-2.0
"""A monitor is watched when an alert of its name can be true and can be false."""

import pytest

from policies.rules.monitoring import alerts
from tests.policies.examples import bundle, run
from tests.policies.rendering import GONE, Change, put, rendered

RULES = "PrometheusRule/spec/groups/0/rules"


def test_the_good_rendering_watches_every_monitor() -> None:
    """The alerts of the fixture carry the names that the reference card has."""
    assert alerts.check(rendered(), run(bundle())).findings == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("PrometheusRule", GONE), "no alert watches 'share of churn answers'"),
        (put(f"{RULES}/0/annotations", GONE), "no alert watches 'share of churn answers'"),
        (put(f"{RULES}/0/annotations/countersign_monitor", "Share of churn"), "no alert watches"),
        (put(f"{RULES}/0/alert", GONE), "no alert watches 'share of churn answers'"),
        (put(f"{RULES}/0/expr", "vector(0) > 1"), "asks for no metric"),
        (put(f"{RULES}/0/expr", "countersign_churn_share"), "compares it with nothing"),
        (put(f"{RULES}/0/expr", "x{a='>'}"), "compares it with nothing"),
        (put(f"{RULES}/0/expr", "x == x"), "compares it with nothing"),
        (put(f"{RULES}/0/expr", GONE), "asks for no metric"),
    ],
)
def test_an_alert_that_is_missing_or_cannot_fire_is_found(change: Change, message: str) -> None:
    """The finding stands at the monitor on the card, or at the alert's expression."""
    found = alerts.check(rendered(change), run(bundle())).findings
    assert any(message in finding.message for finding in found), found


def test_a_card_without_monitors_is_no_pass() -> None:
    """There is nothing that an alert could watch."""
    (finding,) = alerts.check(rendered(), run(bundle({"monitoring": {"monitors": None}}))).findings
    assert finding.message == "the card declares no monitor"
