# SPDX-License-Identifier: Apache-2.0
"""What the gate refuses to guess about. The command turns each into an exit code; none of them is ever a pass."""

from contracts.errors import CountersignError
from policies.place import Place


class CannotEvaluate(CountersignError):
    """The run as a whole could not judge: no target, an empty or broken rule set, a tool that is not there."""


class TargetUnreadable(CountersignError):
    """A target that was named and could not be read. ``place`` is where; the message says why and how to mend it."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


class WaiversInvalid(CountersignError):
    """The waiver file is malformed, or names a rule or a duty that is not there."""
