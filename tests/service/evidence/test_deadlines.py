# SPDX-License-Identifier: Apache-2.0
"""Who is given up, in which order, and that nobody is kept longer than needed."""

import asyncio
import gc
import weakref

from service.errors import AnswerWithheld
from service.evidence.deadlines import Deadlines
from service.evidence.submission import Submission


class Ends:
    """What submissions told, in order."""

    def __init__(self) -> None:
        self.reasons: list[str | None] = []
        self.told = asyncio.Event()

    def __call__(self, submission: Submission, withheld: AnswerWithheld | None) -> None:
        """One end."""
        del submission
        self.reasons.append(None if withheld is None else withheld.reason)
        self.told.set()


async def test_only_those_whose_time_has_come_are_given_up() -> None:
    """What was durable before stays so, each is told once, and one timer serves those that come later, too."""
    deadlines, ends = Deadlines(0.01), [Ends() for _ in range(4)]
    submissions = [Submission(1, end) for end in ends]
    for submission in submissions[:3]:
        deadlines.watch(submission)
    submissions[1].tell(None)
    async with asyncio.timeout(10):
        await ends[2].told.wait()
    submissions[0].tell(None)
    deadlines.watch(submissions[3])
    async with asyncio.timeout(10):
        await ends[3].told.wait()
    assert [end.reasons for end in ends] == [["deadline"], [None], ["deadline"], ["deadline"]]


async def test_a_batch_has_a_patience_of_its_own() -> None:
    """It neither waits for singles nor makes them wait."""
    deadlines, single, batch = Deadlines(3600), Ends(), Ends()
    deadlines.watch(Submission(1, single))
    deadlines.watch_rows(Submission(2, batch), 0.01)
    async with asyncio.timeout(10):
        await batch.told.wait()
    assert (single.reasons, batch.reasons) == ([], ["deadline"])


async def test_what_is_settled_is_let_go() -> None:
    """Answered requests do not stay in memory until their deadline."""

    class Watched(Submission):
        """One that can be watched."""

    deadlines = Deadlines(3600)
    single, rows = Watched(1, Ends()), Watched(2, Ends())
    left = weakref.WeakSet((single, rows))
    deadlines.watch(single)
    deadlines.watch_rows(rows, 3600)
    single.tell(None)
    rows.tell(None)
    deadlines.let_go()
    del single, rows
    gc.collect()
    assert not left
