# SPDX-License-Identifier: Apache-2.0
"""Records on their way to the log, and who is told when they are durable."""

import asyncio
from collections.abc import Callable, Sequence

from contracts.acknowledgement import Position
from service.errors import AnswerWithheld

Told = Callable[["Submission", AnswerWithheld | None], None]
"""Called once, and must not raise: with None when every record is durable, else with why the answer must not leave."""


class Entry:
    """One encoded span; ``sequence`` is given when its group is formed, ``position`` when it is durable.

    ``target`` is the entry that a `withheld` record is about: its sequence number is known only later.
    """

    __slots__ = ("position", "sequence", "span", "submission", "target")

    def __init__(self, span: bytes, submission: "Submission | None" = None, target: "Entry | None" = None) -> None:
        self.span = span
        self.submission = submission
        self.target = target
        self.sequence = -1
        self.position: Position | None = None


class Submission:
    """The ``expected`` records of one answer. Whatever becomes of them is told once; later news is ignored."""

    __slots__ = ("_outstanding", "_told", "entries", "timer")

    def __init__(self, expected: int, told: Told) -> None:
        self.entries: list[Entry] = []
        self._outstanding = expected
        self._told: Told | None = told
        self.timer: asyncio.TimerHandle | None = None

    def add(self, spans: Sequence[bytes]) -> list[Entry]:
        """The next of its records."""
        entries = [Entry(span, self) for span in spans]
        self.entries += entries
        return entries

    @property
    def settled(self) -> bool:
        """Whether it is over, one way or the other."""
        return self._told is None

    def settle_one(self) -> bool:
        """One more of the records is durable; whether it was the last, so that `tell` has to follow."""
        self._outstanding -= 1
        return not self._outstanding

    def tell(self, withheld: AnswerWithheld | None) -> None:
        """Say how it ended, unless that was said already."""
        told, self._told = self._told, None
        if self.timer is not None:
            self.timer.cancel()
        if told is not None:
            told(self, withheld)

    def expire(self, deadline: float) -> None:
        """Give up: ``deadline`` seconds have passed."""
        self.tell(AnswerWithheld("deadline", f"the evidence of this answer was not durable within {deadline:g} s"))


class Awaited:
    """For a coroutine that waits for its submission: give `told` to the exporter, then await `ended`."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[tuple[Submission, AnswerWithheld | None]] = (
            asyncio.get_running_loop().create_future()
        )

    def told(self, submission: Submission, withheld: AnswerWithheld | None) -> None:
        """The end of the submission."""
        if not self._ended.done():  # the coroutine may have been cancelled
            self._ended.set_result((submission, withheld))

    async def ended(self) -> tuple[Submission, AnswerWithheld | None]:
        """What was told."""
        return await self._ended
