# SPDX-License-Identifier: Apache-2.0
"""A step as it is printed."""

from contracts.verification_step import Outcome, Step


def test_steps_stand_under_each_other() -> None:
    """Number, title, outcome and detail in columns, the outcome in words."""
    assert Step(2, "inclusion", Outcome.NOT_SHOWN, "no proof").line() == "2. inclusion   not shown  no proof"
