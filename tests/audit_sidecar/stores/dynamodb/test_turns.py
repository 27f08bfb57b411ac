# SPDX-License-Identifier: Apache-2.0
"""Turns at the log, and the lease of who publishes: by what is seen and by one's own clock, nobody else's."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, cast

import pytest

from audit_sidecar.errors import Fatal, HeadMoved, StoreAway
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.index_keys import QUEUE
from audit_sidecar.stores.dynamodb.lease import SECONDS, Lease
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.queue import Queue, Ticket
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.dynamodb.turns import Turns
from audit_sidecar.stores.dynamodb.writer import DynamoWriter
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from audit_sidecar.tlog.merkle import Frontier
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.stores.contract.opened import span
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb

ME, FIRST, SECOND = b"me", b"first", b"second"


class Clock:
    """Goes on only when somebody sleeps, or is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """And it is later."""
        self.now += seconds


class Line:
    """A queue that holds what a test put into it."""

    def __init__(self, *waiting: Ticket) -> None:
        self.waiting = list(waiting)
        self.joined: list[tuple[int, tuple[bytes, ...]]] = []
        self.left = 0
        self.away = False

    def join(self, head: int, gone: tuple[bytes, ...] = (), _: int = 0) -> list[Ticket]:
        """The last in the line."""
        if self.away:
            raise StoreAway("the table is away")
        self.joined.append((head, gone))
        return [*self.waiting, Ticket(100, head, ME)]

    def look(self) -> list[Ticket]:
        """Who waits."""
        return list(self.waiting)

    def leave(self) -> None:
        """Counted."""
        self.left += 1


class Now(Executor):
    """Runs what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Done when it comes back."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def made(n: int, by: bytes) -> CommitItem:
    """A commit of somebody's, with a leaf."""
    return CommitItem(n, 0, Frontier(), (span(n).leaf,), (), (), (), (), {}, by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def turns_of(clock: Clock, line: Line, *seen: CommitItem) -> Turns:
    """Of a sidecar that saw these commits, and has a ticket."""
    turns = Turns(ME, cast(Queue, line), clock, clock.sleep)
    turns.saw(seen)
    turns.join(Now(), 1)
    return turns


def test_a_lone_sidecar_never_waits(clock: Clock) -> None:
    """Its own commits are no reason to; nor are those of others that ended long ago."""
    turns = Turns(ME, cast(Queue, Line()), clock, clock.sleep)
    said = [turns.alone]
    for item in (made(1, ME), made(2, FIRST)):
        turns.saw([item])
        said.append(turns.alone)
    clock.now += 60
    assert [*said, turns.alone] == [True, True, False, True]


def test_a_lone_sidecar_sees_who_waits_for_it(clock: Clock) -> None:
    """It looks now and then, costs itself no wait by it, and minds no ticket that was used or is long over."""
    line = Line(Ticket(1, 0, FIRST), Ticket(2, 900, SECOND))
    turns = Turns(ME, cast(Queue, line), clock, clock.sleep)
    turns.saw([made(899, FIRST), made(900, ME), made(901, SECOND)])
    clock.now += 60
    said = []
    for _ in range(4):
        turns.look(Now())
        said.append(turns.alone)
        clock.now += 0.3
    line.waiting.append(Ticket(3, 901, FIRST))
    for _ in range(2):
        turns.look(Now())
        said.append(turns.alone)
        clock.now += 0.3
    assert said == [True] * 5 + [False]


def test_tickets_are_served_in_order(clock: Clock) -> None:
    """It goes when all before it appended, whoever came later; who was passed over is not waited for again."""
    line = Line(Ticket(7, 3, FIRST), Ticket(8, 3, SECOND), Ticket(101, 3, b"later"))
    turns = turns_of(clock, line, made(3, ME))
    begun = clock.now
    coming: Iterator[list[CommitItem]] = iter([[], [made(4, FIRST)], [], [made(5, SECOND)]])
    turns.wait(lambda: next(coming))
    assert next(coming, None) is None
    assert clock.now - begun < 0.2
    turns = turns_of(clock, line, made(3, ME))
    coming = iter([[], [made(4, SECOND)]])
    turns.wait(lambda: next(coming))
    assert next(coming, None) is None, "the first let its turn go by"


def test_tickets_that_were_used_stand_before_nobody(clock: Clock) -> None:
    """A commit of their holder after they were drawn, or so many of others that it cannot be coming."""
    line = Line(Ticket(7, 3, FIRST), Ticket(8, 90, SECOND))
    turns = turns_of(clock, line, made(4, FIRST), made(400, b"other"))
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun
    turns.saw([made(1_300, ME)])
    turns.join(Now(), 1)
    assert line.joined == [(400, ()), (1_300, ())]
    turns.wait(list)
    turns.saw([made(1_301, ME)])
    turns.join(Now(), 1)
    assert line.joined[-1] == (1_301, (FIRST, SECOND)), "thrown away in the end"


def test_who_does_not_take_its_turn_holds_others_up_once(clock: Clock) -> None:
    """A tenth of a second each, from when the log last moved; not again when the commit came too late."""
    turns = turns_of(clock, Line(Ticket(7, 3, FIRST), Ticket(8, 3, SECOND)), made(3, ME))
    begun = clock.now
    turns.wait(list)
    assert 0.2 < clock.now - begun <= 0.25
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun


def test_a_commit_uses_up_the_ticket_that_it_was_drawn_for(clock: Clock) -> None:
    """Its maker has drawn anew by then: that ticket is still to come, and nobody before it was passed over."""
    turns = turns_of(clock, Line(Ticket(7, 3, FIRST), Ticket(8, 5, SECOND)), made(3, ME))
    coming = iter([[made(4, b"other"), made(5, SECOND)], [], [made(6, FIRST)], [made(7, SECOND)]])
    turns.wait(lambda: next(coming))
    assert next(coming, None) is None


def test_a_log_that_goes_on_without_the_first_in_the_queue_does_not_keep_others_waiting(clock: Clock) -> None:
    """It lost a race and draws anew, behind this sidecar; others, who do not stand in this queue, append meanwhile."""
    turns = turns_of(clock, Line(Ticket(7, 3, FIRST)), made(3, ME))
    begun, number = clock.now, itertools.count(4)
    coming = iter([made(next(number), b"other")] for _ in range(100))
    turns.wait(lambda: next(coming))
    assert 0.1 < clock.now - begun <= 0.15


def test_one_long_turn_makes_nobody_sleep_through_its_own(clock: Clock) -> None:
    """A pause of the store's is no measure of the turns after it, which take 20 ms here."""
    others = [Ticket(number, 3, b"%d" % number) for number in range(1, 10)]
    turns = turns_of(clock, Line(*others), made(3, ME))
    begun = clock.now
    due = [(begun + 3 + 0.02 * at, made(4 + at, ticket.holder)) for at, ticket in enumerate(others)]
    turns.patience = 5
    turns.wait(lambda: [item for moment, item in due if moment <= clock.now])
    assert turns.seen == 12, "all before it"
    assert clock.now - due[-1][0] < 0.05


def test_who_died_holds_nobody_up_twice(clock: Clock) -> None:
    """Its ticket stays in the queue, passed over by a sidecar's own patience or by a commit of one behind it."""
    line = Line(Ticket(7, 3, b"dead"), Ticket(8, 3, FIRST), Ticket(9, 3, b"dead too"))
    turns = turns_of(clock, line, made(3, ME))
    coming: Iterator[list[CommitItem]] = itertools.chain([[], [made(4, FIRST)]], itertools.repeat([]))
    turns.wait(lambda: next(coming))
    turns.saw([made(5, ME)])
    turns.join(Now(), 1)
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun


def test_a_large_group_is_given_the_time_that_it_takes(clock: Clock) -> None:
    """A quarter of a millisecond a record, for it is planned and written in its turn; two seconds at most."""
    for records, least, most in ((0, 0.1, 0.15), (4_000, 1.1, 1.15), (1_000_000, 2.1, 2.15)):
        turns = turns_of(clock, Line(Ticket(7, 3, FIRST, records)), made(3, ME))
        begun = clock.now
        turns.wait(list)
        assert least < clock.now - begun <= most


def test_a_ticket_ends_with_the_commit_or_with_leaving(clock: Clock) -> None:
    """Nobody waits for one that has nothing to append."""
    line = Line()
    turns = turns_of(clock, line, made(3, ME))
    queued = [turns.queued]
    turns.saw([made(4, ME)])
    assert [*queued, turns.queued] == [True, False]
    turns.leave()
    assert line.left == 0
    turns.join(Now(), 1)
    turns.leave()
    assert (turns.queued, line.left) == (False, 1)


def test_one_that_was_passed_over_draws_anew(clock: Clock) -> None:
    """And stands behind all that wait by then, instead of racing them."""
    line = Line()
    turns = turns_of(clock, line, made(3, ME))
    turns.wait(list)
    line.waiting = [Ticket(7, 4, FIRST)]
    turns.saw([made(4, FIRST)])
    turns.lost()
    turns.join(Now(), 1)
    coming: Iterator[list[CommitItem]] = iter([[], [made(5, FIRST)]])
    turns.wait(lambda: next(coming))
    assert (len(line.joined), next(coming, None)) == (2, None)


def test_without_a_queue_one_appends_as_well(clock: Clock) -> None:
    """The queue is a courtesy."""
    line = Line(Ticket(7, 3, FIRST))
    line.away = True
    turns = turns_of(clock, line, made(3, ME))
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun


@pytest.fixture
def requests(dynamodb: DynamoDb) -> Requests:
    """Of a fresh log."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    return Requests(parse_location(url))


def test_tickets_are_numbered_by_the_store(requests: Requests) -> None:
    """Whoever draws sees all that were drawn before; one's own is replaced; rubbish in the item is passed over."""
    first, second = Queue(requests, FIRST), Queue(requests, SECOND)
    assert first.join(5) == [Ticket(1, 5, FIRST)]
    assert second.join(6) == [Ticket(1, 5, FIRST), Ticket(2, 6, SECOND)] == first.look()
    assert first.join(7) == [Ticket(2, 6, SECOND), Ticket(3, 7, FIRST)]
    rubbish = {"tzz": {"N": "1"}, "hzz": {"N": "1"}, "rzz": {"N": "1"}, "t00": {"S": "x"}, "h00": {"N": "1"}}
    rubbish |= {"t01": {"N": "4"}, "t02": {"N": "4"}, "h02": {"N": "1"}}
    requests.update(requests.location.state, QUEUE, rubbish)
    second.leave()
    assert second.look() == [Ticket(3, 7, FIRST)]
    assert second.join(8, (FIRST, ME), 9) == [Ticket(4, 8, SECOND, 9)]


@pytest.mark.parametrize("wrong", [-1e6, 0.0, 1e6])
def test_clocks_that_differ_decide_nothing(requests: Requests, wrong: float) -> None:
    """Whoever renews the lease keeps it; whoever stops loses it to one that saw it stand still for three seconds."""
    mine, theirs = Clock(), Clock(1000.0 + wrong)
    first, second = Lease(requests, "first", mine), Lease(requests, "second", theirs)
    assert first.hold()
    for _ in range(10):
        mine.now += 1
        theirs.now += 1
        assert first.hold()
        assert not second.hold()
    theirs.now += SECONDS - 0.1
    assert not second.hold()
    theirs.now += 0.2
    assert second.hold()
    assert not first.hold()
    second.leave()
    assert first.hold()


def test_one_that_slept_does_not_hold_what_it_lost(requests: Requests) -> None:
    """It asks before it says so; leaving then takes nothing from who holds it."""
    mine, theirs = Clock(), Clock()
    first, second = Lease(requests, "first", mine), Lease(requests, "second", theirs)
    assert first.hold()
    assert not second.hold()
    theirs.now += SECONDS
    assert second.hold()
    first.leave()
    assert second.hold()


def test_two_that_both_believe_to_publish_show_one_root(dynamodb: DynamoDb) -> None:
    """Whatever lease or clock says, the store takes one root for a size and no smaller size."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    writers = [open_writer(url), open_writer(url)]
    for writer in writers:
        assert isinstance(writer, DynamoWriter)
        writer._lease.hold = lambda: True  # type: ignore[method-assign]
    first, second = writers
    signed = SignedCheckpoint(5, bytes(32), b"note", 1)
    first.put_checkpoint(signed)
    second.put_checkpoint(signed)
    with pytest.raises(Fatal, match="was signed before"):
        second.put_checkpoint(signed._replace(root=b"1" * 32))
    with pytest.raises(HeadMoved, match="was signed before"):
        second.put_checkpoint(signed._replace(size=4))
    assert open_reader(url).checkpoint() == signed
