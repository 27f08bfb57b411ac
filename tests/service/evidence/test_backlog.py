# SPDX-License-Identifier: Apache-2.0
"""Groups: bounded, fair between singles and batches, in order within each."""

from hypothesis import given
from hypothesis import strategies as st

from service.evidence.backlog import GROUP_BYTES, GROUP_RECORDS, Backlog
from service.evidence.submission import Entry


def entries(name: str, count: int, size: int = 10) -> list[Entry]:
    return [Entry(f"{name}{place}".encode().ljust(size)) for place in range(count)]


def spans(group: list[Entry]) -> list[bytes]:
    return [entry.span for entry in group]


def test_singles_and_rows_are_taken_in_turn() -> None:
    """A batch of thousands does not hold up the single that came after it."""
    backlog = Backlog()
    rows, single = entries("row", 1000), entries("single", 1)[0]
    backlog.add_rows(rows)
    backlog.add(single)
    group = backlog.take_group()
    assert single in group[:2]
    taken = len(group) - 1
    assert 0 < taken < GROUP_RECORDS // 2
    assert spans([entry for entry in group if entry is not single]) == spans(rows[:taken])


def test_groups_are_small_while_singles_come_and_large_otherwise() -> None:
    """A single waits for the group in flight; when none has come for a group, rows may fill the next."""
    backlog = Backlog()
    backlog.add_rows(entries("row", 2000))
    assert len(backlog.take_group()) == GROUP_RECORDS
    backlog.add(entries("single", 1)[0])
    small = [len(backlog.take_group()) for _ in range(2)]
    assert max(small) < GROUP_RECORDS // 2
    assert len(backlog.take_group()) == GROUP_RECORDS


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 700), st.integers(1, 4000)), max_size=6))
def test_every_record_leaves_once_and_in_order(additions: list[tuple[bool, int, int]]) -> None:
    """Whatever is added, groups keep both bounds, and both queues their order; then nothing is left."""
    backlog = Backlog()
    queued: dict[bool, list[Entry]] = {True: [], False: []}
    for batch, count, size in additions:
        added = entries("x", count, size)
        queued[batch] += added
        if batch:
            backlog.add_rows(added)
        else:
            for entry in added:
                backlog.add(entry)
    taken: list[Entry] = []
    while backlog:
        group = backlog.take_group()
        assert 0 < len(group) <= GROUP_RECORDS
        assert len(group) == 1 or sum(map(len, spans(group))) <= GROUP_BYTES
        backlog.release(group)
        taken += group
    for queue in queued.values():
        mine = set(map(id, queue))
        assert [entry for entry in taken if id(entry) in mine] == queue
    assert len(taken) == sum(map(len, queued.values()))
    assert (backlog.records, backlog.size) == (0, 0)


def test_record_larger_than_a_group_goes_alone() -> None:
    """It is not stuck for ever."""
    backlog = Backlog()
    for entry in [*entries("a", 1), *entries("b", 1, GROUP_BYTES + 1), *entries("c", 1)]:
        backlog.add(entry)
    assert [len(backlog.take_group()) for _ in range(3)] == [1, 1, 1]


def test_records_count_until_they_are_released() -> None:
    """What is in flight still counts towards the bound."""
    backlog = Backlog()
    backlog.add_rows(entries("a", 3))
    group = backlog.take_group()
    assert not backlog
    assert (backlog.records, backlog.size) == (3, 30)
    backlog.release(group)
    assert (backlog.records, backlog.size) == (0, 0)
