# SPDX-License-Identifier: Apache-2.0
"""Sidecars that append at the same time take turns, in the order in which they drew their tickets.

A courtesy, by `audit_sidecar.stores.dynamodb.queue`: it saves commits that come too late, and gives every sidecar its
share. Whoever waits asks the log the less often the more stand before it, so that ten that wait cost little more than
two. Who does not take its turn holds the others up once, for a moment. One that is alone draws no ticket and waits for
nobody; it learns of another by that one's commits, or sees its ticket when it looks at the queue now and then.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Final

from audit_sidecar.errors import AuditError
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.queue import Queue, Ticket

_QUIET: Final = 1.0
"""Seconds without a commit of another, after which a sidecar takes itself to be alone."""
_LOOKS: Final = 0.25
"""Seconds between looks at the queue by one that is alone."""
_FIRST_SLOT, _SHORTEST_SLOT, _LONGEST_SLOT = 0.02, 0.004, 0.25
_PAUSE: Final = 0.005
"""Seconds between questions of the one who is next."""
_LONGEST_SLEEP: Final = 0.25
_LONGEST_LINGER: Final = 0.03
_GRACE: Final = 4
"""Slots for which the queue may stand still before whoever is first is passed over."""
_RECORD, _LARGEST = 0.00025, 2.0
"""Seconds that a record may take to be planned and written in its turn, and a whole group at most."""
_STALE: Final = 250
"""Commits after which a ticket that was not used is none any more."""
_FORGOTTEN: Final = 1_000
"""Commits after which it is thrown away."""
_KNOWN: Final = 1_024


class Turns:
    """What this sidecar saw of the others. Use from one thread; ``clock`` and ``sleep`` are in seconds."""

    def __init__(
        self,
        me: bytes,
        queue: Queue,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._me = me
        self._queue = queue
        self._clock = clock
        self._sleep = sleep
        self._newest: dict[bytes, int] = {}
        self._heard: float | None = None
        self._slot = _FIRST_SLOT
        self._joining: Future[list[Ticket]] | None = None
        self._looked = clock()
        self._looking: Future[list[Ticket]] | None = None
        self._counted = False
        """Whether ``_before`` is what this ticket stands behind."""
        self._before: list[Ticket] = []
        self._gone: tuple[bytes, ...] = ()
        self._passed: set[int] = set()
        """Tickets that let their turn go by: whoever died holds nobody up twice."""
        self._grew = self._moved = 0.0
        """When the log last did, and when this sidecar last stood further ahead than before."""
        self.patience = 0.1
        """Seconds that the queue may stand still at least, before whoever is first is passed over."""
        self.seen = 0
        """The newest commit that was seen."""

    @property
    def alone(self) -> bool:
        """Whether no other sidecar appended lately."""
        return self._heard is None or self._clock() - self._heard > _QUIET

    @property
    def linger(self) -> float:
        """Seconds that cost a group nothing, as long as others append: a part of one turn. Ask from any thread."""
        return 0.0 if self.alone else min(_LONGEST_LINGER, self._slot / 2)

    @property
    def queued(self) -> bool:
        """Whether this sidecar has a ticket."""
        return self._joining is not None

    def saw(self, items: Sequence[CommitItem]) -> None:
        """Further commits of the log, in order, whoever made them."""
        items = [item for item in items if item.n > self.seen]
        if not items:
            return
        now = self._clock()
        if self._before:  # somebody was waiting all the while, so that this is how long a turn takes
            # Once long says little: whoever believes it sleeps through its own turn.
            took = min((now - self._grew) / len(items), 2 * self._slot)
            self._slot = min(_LONGEST_SLOT, max(_SHORTEST_SLOT, 0.8 * self._slot + 0.2 * took))
        self._grew = now
        for item in items:
            self._newest.pop(item.by, None)
            self._newest[item.by] = item.n
            if item.by != self._me:
                self._heard = now
            elif self._joining is not None:
                self._joining, self._before, self._counted = None, [], False
            served = [at for at, ticket in enumerate(self._before) if ticket.holder == item.by and ticket.head < item.n]
            if served:
                # Whoever stood before one that was served has let its turn go by.
                self._passed.update(ticket.number for ticket in self._before[: served[0]])
                del self._before[: served[0] + 1]
                self._moved = now
        while len(self._newest) > _KNOWN:
            del self._newest[next(iter(self._newest))]
        self.seen = items[-1].n

    def look(self, pool: Executor) -> None:
        """See now and then whether another wants to append, while the caller goes on; the next call knows."""
        if self._looking is not None and self._looking.done():
            found, self._looking = self._looking.result(), None
            if self._unserved(found):
                self._heard = self._clock()
        if self._looking is None and self._clock() - self._looked > _LOOKS:
            self._looked = self._clock()
            self._looking = pool.submit(self._try, self._queue.look)

    def join(self, pool: Executor, records: int) -> None:
        """Draw a ticket for so many records, if there is none, while the caller goes on."""
        if self._joining is None:
            self._joining = pool.submit(self._try, partial(self._queue.join, self.seen, self._gone, records))

    def lost(self) -> None:
        """Another was faster: one that was passed over would race all that passed it, and draws anew instead."""
        self._joining, self._before, self._counted = None, [], False

    def leave(self) -> None:
        """Not to append after all."""
        if self._joining is not None:
            self._joining, self._before, self._counted = None, [], False
            self._queue.leave()

    def wait(self, follow: Callable[[], Sequence[CommitItem]]) -> None:
        """Return when it is this sidecar's turn, or when those before it have let theirs go by.

        ``follow`` asks the log for what came after ``seen``, and is asked once at least.
        """
        if self._joining is not None and not self._counted:
            self._before, self._counted = self._before_me(self._joining.result()), True
        self._grew = self._moved = self._clock()
        while True:
            self.saw(follow())
            if not self._before:
                return
            first = self._before[0]
            patience = max(self.patience, _GRACE * self._slot) + min(_LARGEST, _RECORD * first.records)
            if self._clock() - self._moved > patience:
                self._passed.add(first.number)
                del self._before[0]
                self._moved = self._clock()
                continue
            self._sleep(min(_LONGEST_SLEEP, _PAUSE + 0.8 * self._slot * (len(self._before) - 1)))

    def _try(self, ask: Callable[[], list[Ticket]]) -> list[Ticket]:
        try:
            return ask()
        except AuditError:
            # Without a ticket one appends as well; if the store is away, the insert says so.
            return []

    def _unserved(self, drawn: Sequence[Ticket]) -> list[Ticket]:
        """Others that wait, in order; those who waited for too long are gone, and are to be thrown away."""
        self._passed &= {ticket.number for ticket in drawn}
        others = [ticket for ticket in drawn if ticket.holder != self._me]
        self._gone = tuple(ticket.holder for ticket in others if ticket.head < self.seen - _FORGOTTEN)[:8]
        return [
            ticket
            for ticket in others
            if ticket.number not in self._passed
            and ticket.head >= max(self.seen - _STALE, self._newest.get(ticket.holder, 0))
        ]

    def _before_me(self, drawn: Sequence[Ticket]) -> list[Ticket]:
        mine = next((ticket.number for ticket in drawn if ticket.holder == self._me), 0)
        return [ticket for ticket in self._unserved(drawn) if ticket.number < mine]
