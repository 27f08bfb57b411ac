# SPDX-License-Identifier: Apache-2.0
"""Turns at the log, and the lease of who publishes: by what is seen and by one's own clock, nobody else's."""

from collections.abc import Iterator

import pytest

from audit_sidecar.errors import Fatal, HeadMoved
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.lease import SECONDS, Lease
from audit_sidecar.stores.dynamodb.location import parse_location
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


def made(n: int, by: bytes) -> CommitItem:
    """A commit of somebody's, with a leaf."""
    return CommitItem(n, 0, Frontier(), (span(n).leaf,), (), (), (), (), {}, by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_lone_sidecar_never_waits(clock: Clock) -> None:
    """Its own commits are no reason to; nor are those of others that ended long ago."""
    turns = Turns(ME, clock, clock.sleep)
    said = [turns.alone]
    for item in (made(1, ME), made(2, FIRST)):
        turns.saw([item])
        said.append(turns.alone)
    clock.now += 60
    assert [*said, turns.alone] == [True, True, False, True]


def test_who_waited_longest_goes_next(clock: Clock) -> None:
    """After its own commit it waits for both others, and goes as soon as they appended; before its own it goes."""
    turns = Turns(ME, clock, clock.sleep)
    turns.saw([made(1, FIRST), made(2, SECOND)])
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun, "of the three it has not appended for the longest"
    turns.saw([made(3, ME)])
    coming: Iterator[list[CommitItem]] = iter([[], [made(4, FIRST)], [], [made(5, SECOND)]])
    turns.wait(lambda: next(coming))
    assert next(coming, None) is None
    assert clock.now - begun < 0.2


def test_who_does_not_take_its_turn_holds_others_up_for_little(clock: Clock) -> None:
    """Two slots for each before it, from when the log last moved."""
    turns = Turns(ME, clock, clock.sleep)
    turns.saw([made(1, FIRST), made(2, SECOND), made(3, ME)])
    begun = clock.now
    turns.wait(list)
    assert 0.07 < clock.now - begun <= 0.1


def test_who_knocked_is_waited_for(clock: Clock) -> None:
    """An empty commit asks for a turn: it is given till records come or half a second is over; in order."""
    turns = Turns(ME, clock, clock.sleep)
    knock = made(2, FIRST)._replace(leaves=())
    turns.saw([made(1, ME), knock])
    coming: Iterator[list[CommitItem]] = iter([*[[]] * 20, [made(3, FIRST)]])
    turns.wait(lambda: next(coming))
    assert next(coming, None) is None
    turns.saw([made(4, ME), knock._replace(n=5)])
    begun = clock.now
    turns.wait(list)
    assert 0.5 <= clock.now - begun < 0.6
    turns.saw([made(6, ME)._replace(leaves=()), knock._replace(n=7), made(8, SECOND)])
    begun = clock.now
    turns.wait(list)
    assert clock.now == begun


@pytest.fixture
def requests(dynamodb: DynamoDb) -> Requests:
    """Of a fresh log."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    return Requests(parse_location(url))


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
