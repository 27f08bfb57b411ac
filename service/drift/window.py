# SPDX-License-Identifier: Apache-2.0
"""Counts of the last so many seconds: running totals, and what they were when each part of the window began.

Memory and the cost of a count do not depend on how much is counted. A part that began is in the window whole, so the
window is as long as it says, less at most one part.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from service.drift.bins import Counts

_PARTS: Final = 24


class Window:
    """``size`` numbers, counted together; ``clock`` gives seconds and never goes back."""

    def __init__(self, size: int, seconds: float, clock: Callable[[], float]) -> None:
        self._totals: Counts = np.zeros(size, dtype=np.int64)
        self._part = seconds / _PARTS
        self._clock = clock
        self._turn = clock() + self._part
        self._starts: deque[Counts] = deque([self._totals.copy()], maxlen=_PARTS)

    def add(self, counts: Counts) -> None:
        """Count these now."""
        self._move()
        self._totals += counts

    def counts(self) -> Counts:
        """What was counted within the window."""
        self._move()
        return self._totals - self._starts[0]

    def _move(self) -> None:
        late = self._clock() - self._turn
        passed = 0 if late < 0 else int(late / self._part) + 1
        for _ in range(min(passed, _PARTS)):
            self._starts.append(self._totals.copy())
        self._turn += passed * self._part
