# SPDX-License-Identifier: Apache-2.0
"""What index items hold of many leaves, and where segments end: whatever goes in comes out, rubbish is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.index_keys import BLOCK_BITS, SEGMENT_BITS, by_id, by_subject, part_of
from audit_sidecar.stores.dynamodb.packed import (
    Identified,
    OfSubject,
    digest_of_id,
    digest_of_subject,
    pack_identified,
    pack_offsets,
    pack_subjects,
    unpack_identified,
    unpack_offsets,
    unpack_subjects,
)
from audit_sidecar.stores.dynamodb.rows import subject_rows
from audit_sidecar.stores.dynamodb.segments import Shape, next_segment, place, read_place
from audit_sidecar.tlog.merkle import Frontier
from tests.audit_sidecar.stores.contract.opened import span

U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (16, 32, 64))
LEAF = span(1).leaf


@given(st.lists(U32), st.lists(st.builds(Identified, U16, st.binary(min_size=3, max_size=3))), st.data())
def test_what_is_packed_comes_back(offsets: list[int], ids: list[Identified], data: st.DataObject) -> None:
    """Offsets as they are, ids once and in order, subjects by leaf."""
    assert unpack_offsets(pack_offsets(offsets)) == offsets
    assert list(unpack_identified(pack_identified(ids))) == sorted(set(ids))
    leaves = data.draw(st.lists(U32, unique=True))
    subjects = [OfSubject(data.draw(U32), leaf) for leaf in leaves]
    assert list(unpack_subjects(pack_subjects(subjects))) == sorted(subjects, key=lambda entry: entry.leaf)


@pytest.mark.parametrize("unpack", [unpack_offsets, unpack_identified, unpack_subjects])
def test_what_was_cut_off_is_refused(unpack: object) -> None:
    """Nothing but the domain's own error escapes."""
    assert callable(unpack)
    with pytest.raises(StoreRefused, match="cannot be read"):
        unpack(bytes(9 if unpack is unpack_subjects else 11 if unpack is unpack_identified else 7))


@given(U64, U64, st.integers(0, 9))
def test_a_place_says_leaf_and_commit(start: int, n: int, part: int) -> None:
    """Of further parts, too; and sorts as the leaves do."""
    assert read_place(part_of(place(start, n), part)) == (start, n)
    assert (place(start, n) < place(1 << 32, 0)) == (start < 1 << 32)


@pytest.mark.parametrize("text", ["", "1", "1#", "#1", "x#1"])
def test_a_place_of_nothing_is_refused(text: str) -> None:
    """By name."""
    with pytest.raises(StoreRefused, match="of no segment"):
        read_place(text)


@given(U32, st.lists(U32, max_size=50, unique=True))
def test_a_subject_has_one_partition_at_each_level(digest: int, leaves: list[int]) -> None:
    """That of a block lies within that of its segments; items are cut by leaf, so that none grows without bound."""
    few, many = by_subject(digest, SEGMENT_BITS), by_subject(digest, BLOCK_BITS)
    assert int(many.rpartition("#")[2], 16) >> (BLOCK_BITS - SEGMENT_BITS) == int(few.rpartition("#")[2], 16)
    rows = list(subject_rows(place(0, 1), 7, [OfSubject(digest, leaf) for leaf in leaves], BLOCK_BITS))
    assert {row.pk for row in rows} <= {many}
    assert len({row.sk for row in rows}) == len(rows) == len({leaf // 32_768 for leaf in leaves})
    found = [entry.leaf for row in rows for entry in unpack_subjects(row.values["found"]["B"])]
    assert sorted(found) == sorted(leaves)


def test_ids_of_one_second_share_a_partition() -> None:
    """Those of a minute do not; digests narrow further down."""
    at = 0x0199A3F2C000 & ~1023
    ids = [(at + later).to_bytes(6) + bytes([0x70]) + bytes(9) for later in (0, 1023, 1024, 60_000)]
    assert by_id(ids[0]) == by_id(ids[1])
    assert len({by_id(id_) for id_ in ids}) == 3
    assert len({digest_of_id(id_) for id_ in ids}) == 4
    assert digest_of_subject("a") != digest_of_subject("b")


def commits(*leaves: int) -> list[CommitItem]:
    """With so many leaves each."""
    found, size = [], 0
    for n, count in enumerate(leaves, start=1):
        frontier = Frontier()
        for _ in range(size + count):
            frontier.append(bytes(32))
        found.append(CommitItem(n, size, frontier, (LEAF,) * count, (), (), (), (), {}))
        size += count
    return found


def test_a_segment_ends_where_the_commits_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """At so many commits, empty ones too, or with the commit that brings so many leaves; a part of one is none."""
    monkeypatch.setattr(segments, "SHAPE", Shape(commits=3, leaves=10, block=2))
    log = commits(1, 0, 1, 4, 9, 1)
    first = next_segment(0, log)
    assert first is not None
    assert [item.n for item in first.items] == [1, 2, 3]
    second = next_segment(1, log[3:])
    assert second is not None
    assert ([item.n for item in second.items], second.place) == ([4, 5], place(2, 4))
    assert (first.completes_block, second.completes_block) == (False, True)
    assert next_segment(2, log[5:]) is None
