# SPDX-License-Identifier: Apache-2.0
"""Withhold answers whose evidence takes too long, with one timer for all of them instead of one for each.

Single predictions have the same patience and come in order, so the oldest is the first to expire. A batch has a timer
of its own, for its patience grows with its rows.
"""

import asyncio
from collections import deque

from service.evidence.submission import Submission


class Deadlines:
    """``seconds`` is the patience of a single prediction."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[float, Submission]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, submission: Submission) -> None:
        """Expire a single prediction in time."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._seconds
        self._waiting.append((due, submission))
        if self._timer is None:
            self._timer = loop.call_at(due, self._sweep, loop)

    def watch_rows(self, submission: Submission, seconds: float) -> None:
        """Expire a batch in time."""
        submission.timer = asyncio.get_running_loop().call_later(seconds, submission.expire, seconds)

    def let_go(self) -> None:
        """Forget what is settled, so that answered requests are not kept until their time has come."""
        waiting = self._waiting
        while waiting and waiting[0][1].settled:
            waiting.popleft()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now, waiting = loop.time(), self._waiting
        while waiting and (waiting[0][0] <= now or waiting[0][1].settled):
            waiting.popleft()[1].expire(self._seconds)
        self._timer = loop.call_at(waiting[0][0], self._sweep, loop) if waiting else None
