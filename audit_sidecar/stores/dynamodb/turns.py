# SPDX-License-Identifier: Apache-2.0
"""Sidecars take turns at the log, going by nothing but the log: who has not appended for the longest goes next.

A courtesy that costs no request, for everybody reads what the others appended anyway. It saves the payloads of plans
that come too late, which would be orphans, and gives every sidecar its share. What keeps two plans for one head apart
is the insert; whoever does not take its turn holds the others up for one slot.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from audit_sidecar.stores.dynamodb.commit_item import CommitItem

_FIRST_SLOT: Final = 0.02
_LONGEST_SLOT: Final = 0.5
_GRACE: Final = 2
"""Slots for which the log may stand still before a turn goes to the next."""
_PATIENCE: Final = 0.5
"""Seconds that one who knocked is waited for."""
_ROUNDS: Final = 4
"""Sidecars that appended within so many rounds are waited for."""


class Turns:
    """Who appended when, as this sidecar saw it. Use from one thread; ``clock`` and ``sleep`` are in seconds."""

    def __init__(
        self, me: bytes, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._me = me
        self._clock = clock
        self._sleep = sleep
        self._last: dict[bytes, tuple[int, float]] = {}
        self._knocks: dict[bytes, tuple[int, float]] = {}
        self._slot = _FIRST_SLOT
        self.seen = 0
        """The newest commit that was seen."""

    @property
    def alone(self) -> bool:
        """Whether no other sidecar appended lately."""
        return not self._others(self._clock())

    def saw(self, items: Sequence[CommitItem]) -> None:
        """Further commits of the log, in order, whoever made them."""
        items = [item for item in items if item.n > self.seen]
        if not items:
            return
        now = self._clock()
        if self._last:
            # How long a turn takes, evened out.
            took = (now - max(then for _, then in self._last.values())) / len(items)
            self._slot = min(_LONGEST_SLOT, 0.8 * self._slot + 0.2 * took)
        self._last |= {item.by: (item.n, now) for item in items}
        for item in items:
            self._knocks.pop(item.by, None)
            if not item.leaves:  # somebody who would have appended, had others not been faster each time
                self._knocks[item.by] = item.n, now
        self.seen = items[-1].n

    def wait(self, follow: Callable[[], Sequence[CommitItem]]) -> None:
        """Return when it is this sidecar's turn, or when those before it have let theirs go by.

        ``follow`` asks the log for what came after ``seen``.
        """
        begun, seen = self._clock(), self.seen
        while True:
            self.saw(follow())
            now = self._clock()
            if self.seen != seen:
                begun, seen = now, self.seen
            before = self._before(now)
            late = not before or now - begun > _GRACE * self._slot * before
            if late and not self._knocked_before(now):
                return
            self._sleep(self._slot / 8)

    def _others(self, now: float) -> dict[bytes, int]:
        span = _ROUNDS * self._slot * (1 + len(self._last))
        self._last = {by: (n, then) for by, (n, then) in self._last.items() if now - then <= span}
        return {by: n for by, (n, _) in self._last.items() if by != self._me}

    def _knocked_before(self, now: float) -> bool:
        """Whether another one asked for a turn by a knock, before this one did, and has not had it."""
        mine, _ = self._knocks.get(self._me, (self.seen + 1, 0.0))
        return any(n < mine and now - then < _PATIENCE for n, then in self._knocks.values())

    def _before(self, now: float) -> int:
        """How many of the others have not appended for longer than this one."""
        others = self._others(now)
        mine, _ = self._last.get(self._me, (0, 0.0))
        return sum(n < mine for n in others.values())
