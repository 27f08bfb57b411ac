# SPDX-License-Identifier: Apache-2.0
"""Records on their way to the log, and the wait for their acknowledgement."""

import asyncio
from collections.abc import Sequence

from contracts.acknowledgement import Position
from service.errors import AnswerWithheld


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
    """The records of one answer. `committed` returns when all are durable, and raises when that comes too late."""

    __slots__ = ("_future", "_outstanding", "_timer", "entries")

    def __init__(self, spans: Sequence[bytes], deadline: float) -> None:
        loop = asyncio.get_running_loop()
        self.entries = [Entry(span, self) for span in spans]
        self._outstanding = len(spans)
        self._future: asyncio.Future[None] = loop.create_future()
        self._timer = loop.call_later(deadline, self._expire, deadline)

    async def committed(self) -> None:
        """Wait until every record is durable. Raises AnswerWithheld at the deadline, or when the stream has failed."""
        await self._future

    def settle_one(self) -> None:
        """One more of the records is durable."""
        self._outstanding -= 1
        if not self._outstanding:
            self._timer.cancel()
            if not self._future.done():
                self._future.set_result(None)

    def fail(self, message: str) -> None:
        """The records cannot become durable any more."""
        self._timer.cancel()
        if not self._future.done():
            self._future.set_exception(AnswerWithheld("failed", message))

    def _expire(self, deadline: float) -> None:
        if not self._future.done():
            self._future.set_exception(
                AnswerWithheld("deadline", f"the evidence of this answer was not durable within {deadline:g} s")
            )
