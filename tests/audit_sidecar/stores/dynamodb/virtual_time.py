# SPDX-License-Identifier: Apache-2.0
"""Programs that take turns at one clock: time goes on only while all of them sleep, and then at once.

One runs at a time, in an order that their sleeps decide, so that a run is the same each time it is made.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence


class Over(Exception):
    """The time that was given to a run is over."""


class VirtualTime:
    """A clock in seconds, and the sleep of all programs that `run` runs by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._end = 0.0
        self._sleeping: list[tuple[float, int, threading.Semaphore]] = []
        self._order = itertools.count()
        self._local = threading.local()
        self._idle = threading.Semaphore(0)
        self._failures: list[BaseException] = []

    def __call__(self) -> float:
        """Seconds since the beginning."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Of the program that calls it. Over when the run ends."""
        mine: threading.Semaphore = self._local.mine
        heapq.heappush(self._sleeping, (self.now + max(0.0, seconds), next(self._order), mine))
        self._idle.release()
        mine.acquire()
        if self.now >= self._end:
            raise Over

    def run(self, programs: Sequence[Callable[[], None]], seconds: float) -> None:
        """Run all of them for so long; what one of them raises is raised when all have ended."""
        self._end = seconds
        threads = []
        for program in programs:
            woken = threading.Semaphore(0)
            heapq.heappush(self._sleeping, (0.0, next(self._order), woken))
            threads.append(threading.Thread(target=self._program, args=(program, woken)))
            threads[-1].start()
        while self._sleeping:
            at, _, woken = heapq.heappop(self._sleeping)
            self.now = max(self.now, at)
            woken.release()
            self._idle.acquire()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _program(self, program: Callable[[], None], woken: threading.Semaphore) -> None:
        self._local.mine = woken
        woken.acquire()
        try:
            program()
        except Over:
            pass
        except BaseException as error:  # for `run` to raise
            self._failures.append(error)
        finally:
            self._idle.release()
