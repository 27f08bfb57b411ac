# SPDX-License-Identifier: Apache-2.0
"""What several writers on one store may rely on, on every engine that has them; a lone one has its turn and lease."""

import threading
from collections.abc import Iterator

import pytest

from audit_sidecar.errors import Fatal, HeadMoved, Pushback
from audit_sidecar.stores.store import SignedCheckpoint, StoreWriter
from audit_sidecar.stores.url import open_writer
from tests.audit_sidecar.stores.contract.opened import Opened, span

SIGNED = SignedCheckpoint(1, bytes(32), b"note", 1)


@pytest.fixture
def other(store: Opened) -> Iterator[StoreWriter]:
    """A second writer."""
    if not store.engine.shared:
        pytest.skip("this engine has one writer, which test_appending holds it to")
    writer = open_writer(store.url)
    yield writer
    writer.close()


def test_a_lone_writer_has_its_turn_and_the_lease(store: Opened) -> None:
    """A commit within a turn is kept; a turn without one changes nothing; the lease is taken and renewed."""
    before = store.reader.frontier().to_bytes()
    with store.writer.turn() as head:
        assert head is None or head.to_bytes() == before
    with store.writer.turn():
        store.writer.commit(store.planned(span(1)))
    with pytest.raises(KeyError), store.writer.turn():
        raise KeyError("whatever goes wrong in a turn ends it")
    store.commit(span(2))
    assert [record.leaf.span for record in store.all()] == [(1).to_bytes(8), (2).to_bytes(8)]
    assert store.writer.lead()
    assert store.writer.lead()


def test_of_two_plans_for_one_head_one_is_kept(store: Opened, other: StoreWriter) -> None:
    """The other is told so, in its turn or out of it, and succeeds when it is planned again."""
    late, later = store.planned(span(1)), store.planned(span(2))
    store.commit(span(3))
    with pytest.raises(HeadMoved):
        other.commit(late)
    with other.turn() as head:
        assert head is not None
        assert head.to_bytes() == store.reader.frontier().to_bytes()
        with pytest.raises(HeadMoved):
            other.commit(later)
    assert [record.leaf.span for record in store.all()] == [(3).to_bytes(8)]
    other.commit(store.planned(span(1)))
    assert len(store.all()) == 2


def _attempt(store: Opened, writer: StoreWriter, number: int) -> bool:
    try:
        with writer.turn() as head:
            assert head is not None
            plan = store.planned(span(number))
            if store.engine.exclusive:
                assert plan.old_size == head.size, "nobody appends in another's turn"
            writer.commit(plan)
    except HeadMoved:
        assert not store.engine.exclusive
        return False
    return True


def test_writers_at_once_leave_one_log(store: Opened, other: StoreWriter) -> None:
    """Each plans for the head of its turn, again where a turn keeps nobody out; nothing is lost or there twice."""
    failures: list[BaseException] = []

    def append(writer: StoreWriter, first: int) -> None:
        try:
            for number in range(first, first + 40):
                while not _attempt(store, writer, number):
                    pass
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=append, args=(writer, first)) for writer, first in ((store.writer, 0), (other, 100))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    spans = [int.from_bytes(record.leaf.span) for record in store.all()]
    assert sorted(spans) == [*range(40), *range(100, 140)]
    assert [number for number in spans if number < 100] == list(range(40))


def test_one_of_two_holds_the_lease(store: Opened, other: StoreWriter) -> None:
    """As long as it renews it; whoever does not hold it persists no checkpoint; closing hands it over at once."""
    assert store.writer.lead()
    assert not other.lead()
    with pytest.raises(Pushback, match="another sidecar publishes"):
        other.put_checkpoint(SIGNED)
    assert store.reader.checkpoint() is None
    store.writer.put_checkpoint(SIGNED)
    store.writer.close()
    assert other.lead()
    with pytest.raises(Fatal, match="was signed before"):
        other.put_checkpoint(SIGNED._replace(root=b"1" * 32))
    with pytest.raises(HeadMoved, match="was signed before"):
        other.put_checkpoint(SIGNED._replace(size=0))
    assert store.reader.checkpoint() == SIGNED
    store.writer = open_writer(store.url)
    assert not store.writer.lead()
