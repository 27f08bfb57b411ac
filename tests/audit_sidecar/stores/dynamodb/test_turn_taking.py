# SPDX-License-Identifier: Apache-2.0
"""Many sidecars that always have something to append, in virtual time, as `DynamoWriter` and `Committer` take turns."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, cast

import pytest

from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.queue import Queue, Ticket
from audit_sidecar.stores.dynamodb.turns import Turns
from tests.audit_sidecar.stores.dynamodb.test_turns import Now, made
from tests.audit_sidecar.stores.dynamodb.virtual_time import VirtualTime

SECONDS: Final = 30.0


class Table:
    """Log and queue of one run; a request takes 4 to 16 ms, and now and then much longer."""

    def __init__(self, time: VirtualTime, seed: int, hiccups: float) -> None:
        self.time = time
        self.log: list[CommitItem] = []
        self.tickets: dict[bytes, Ticket] = {}
        self.tried = Counter[bytes]()
        self._drawn = 0
        self._random = random.Random(seed)
        self._hiccups = hiccups

    def pause(self) -> float:
        """Until the senders that were answered have sent again, and the group is planned."""
        return self._random.uniform(0.0, 0.08)

    def request(self, do: Callable[[], None] = lambda: None) -> None:
        """Something that happens in the middle of a request's time."""
        self.time.sleep(self._random.uniform(0.002, 0.008))
        if self._random.random() < self._hiccups:
            self.time.sleep(self._random.uniform(0.1, 1.0))
        do()
        self.time.sleep(self._random.uniform(0.002, 0.008))

    def join(self, me: bytes, head: int, records: int) -> list[Ticket]:
        """Draw the next number."""
        found: list[Ticket] = []

        def draw() -> None:
            self._drawn += 1
            self.tickets[me] = Ticket(self._drawn, head, me, records)
            found.extend(sorted(self.tickets.values()))

        self.request(draw)
        return found

    def after(self, n: int) -> list[CommitItem]:
        """What a poll brings."""
        found: list[CommitItem] = []
        self.request(lambda: found.extend(self.log[n:]))
        return found

    def insert(self, me: bytes, n: int) -> CommitItem | None:
        """None when the number is taken."""
        item, kept = made(n, me), []

        def put() -> None:
            if len(self.log) == n - 1:
                self.log.append(item)
                kept.append(item)

        self.request(put)
        self.tried[me] += 1
        return item if kept else None


class Place:
    """One sidecar's way to the queue."""

    def __init__(self, table: Table, me: bytes) -> None:
        self._table = table
        self._me = me

    def join(self, head: int, _: tuple[bytes, ...] = (), records: int = 0) -> list[Ticket]:
        """At the end."""
        return self._table.join(self._me, head, records)

    def look(self) -> list[Ticket]:
        """Who waits."""
        found: list[Ticket] = []
        self._table.request(lambda: found.extend(sorted(self._table.tickets.values())))
        return found


class Appending:
    """A sidecar that appends group after group, and dies in the middle of a turn."""

    def __init__(self, table: Table, me: bytes, until: float = SECONDS, records: int = 64) -> None:
        self._table = table
        self._me = me
        self._until = until
        self._records = records
        self._turns = Turns(me, cast(Queue, Place(table, me)), table.time, table.time.sleep)
        self._held: list[CommitItem] = []

    def __call__(self) -> None:
        """All of its life."""
        while self._lives():
            self._table.time.sleep(self._turns.linger + self._table.pause())
            self._turns.saw(self._held[self._turns.seen :])
            if self._turns.alone:
                self._turns.look(Now())
            if not self._turns.alone:
                self._turns.join(Now(), self._records)
            while self._lives() and not self._append():
                pass

    def _lives(self) -> bool:
        return self._table.time() <= self._until

    def _append(self) -> bool:
        self._turns.saw(self._held[self._turns.seen :])
        if self._turns.queued or not self._turns.alone:
            self._turns.join(Now(), self._records)
            self._turns.wait(self._follow)
        self._table.time.sleep(0.0001 * self._records)  # planned, and written
        item = self._table.insert(self._me, len(self._held) + 1) if self._lives() else None
        if item is None:
            self._turns.lost()
            self._follow()
            return False
        self._held.append(item)
        self._turns.saw([item])
        return True

    def _follow(self) -> Sequence[CommitItem]:
        self._held.extend(self._table.after(len(self._held)))
        return self._held[self._turns.seen :]


def most_between(table: Table, names: Sequence[bytes]) -> int:
    """The most commits of others between two of one sidecar, after all have met."""
    waited = []
    for name in names:
        at = [item.n for item in table.log if item.by == name and item.n > 3 * len(names)]
        waited += [later - earlier for earlier, later in zip(at, [*at[1:], len(table.log)], strict=True)]
    return max(waited)


@pytest.mark.parametrize("seed", range(3))
def test_ten_that_always_append_are_served_in_turn(seed: int) -> None:
    """Hardly a commit comes too late, and each sidecar has one of ten."""
    table = Table(VirtualTime(), seed, hiccups=0.0)
    names = [b"%d" % number for number in range(10)]
    table.time.run([Appending(table, name) for name in names], SECONDS)
    assert len(table.log) > SECONDS / 0.05
    assert table.tried.total() <= 1.05 * len(table.log)
    commits = Counter(item.by for item in table.log)
    assert min(commits.values()) >= 0.9 * max(commits.values())
    assert most_between(table, names) <= 2 * len(names)


@pytest.mark.parametrize("seed", range(4))
def test_requests_that_take_long_starve_nobody(seed: int) -> None:
    """One in two hundred takes up to a second: others pass by, and the one that was passed has its turn again."""
    table = Table(VirtualTime(), seed, hiccups=0.005)
    names = [b"%d" % number for number in range(10)]
    table.time.run([Appending(table, name) for name in names], SECONDS)
    commits = Counter(item.by for item in table.log)
    assert min(commits.values()) >= 0.8 * max(commits.values())
    assert most_between(table, names) <= 10 * len(names), "a second is fifty turns"


@pytest.mark.parametrize("others", [1, 9])
def test_a_large_group_has_its_turn_among_small_ones(others: int) -> None:
    """It takes half a second from the beginning of its turn, in which the others could make twenty commits."""
    table = Table(VirtualTime(), 2, hiccups=0.0)
    names = [b"%d" % number for number in range(others + 1)]
    groups = [5_000, *[1] * others]
    programs = [Appending(table, name, records=size) for name, size in zip(names, groups, strict=True)]
    table.time.run(programs, SECONDS)
    tried, kept = table.tried[b"0"], sum(item.by == b"0" for item in table.log)
    assert kept > 0.9 * tried > 10


def test_those_that_die_in_their_turn_hold_nobody_up_for_long() -> None:
    """Their tickets stay in the queue; the others go on as before."""
    table = Table(VirtualTime(), 1, hiccups=0.0)
    names = [b"%d" % number for number in range(10)]
    programs = [Appending(table, name, SECONDS / 3 if name < b"4" else SECONDS) for name in names]
    table.time.run(programs, SECONDS)
    late = Counter(item.by for item in table.log[len(table.log) * 2 // 3 :])
    assert sorted(late) == names[4:]
    assert min(late.values()) >= 0.9 * max(late.values())
    assert most_between(table, names[4:]) <= 3 * len(names)
