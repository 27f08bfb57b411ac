# SPDX-License-Identifier: Apache-2.0
"""The numbered steps in which a receipt or a verdict is verified: whoever reads one report can read the other."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a step ended. What was not shown is neither right nor wrong: nobody had it, or nobody asked for it."""

    VERIFIED = "verified"
    REFUSED = "refused"
    NOT_SHOWN = "not shown"


class Step(NamedTuple):
    """One numbered step: what was checked, how it ended, what was found, and what of it nobody could show."""

    number: int
    title: str
    outcome: Outcome
    detail: str
    not_shown: str | None = None

    def line(self) -> str:
        """The step as commands print it."""
        return f"{self.number}. {self.title:<10}  {self.outcome:<9}  {self.detail}"
