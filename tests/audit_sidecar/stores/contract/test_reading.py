# SPDX-License-Identifier: Apache-2.0
"""What every store engine must give back: searches, pages, look-ups, streams."""

import math

import pytest

from audit_sidecar.stores.store import (
    Finding,
    Gap,
    Search,
)
from tests.audit_sidecar.stores.contract.opened import STREAMS, Opened, produced, state

SEARCHES = [
    (Search(), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    (Search(kind="prediction"), [8, 4, 2, 1]),
    (Search(kind="release"), [3, 0]),
    (Search(kind="no such kind"), []),
    (Search(kind="span"), [7, 6]),
    (Search(subject="0" * 31 + "1"), [8, 4, 1]),
    (Search(subject="not hex"), [2]),
    (Search(subject=""), []),
    (Search(subject="0" * 31 + "A"), []),
    (Search(label="churn"), [4, 1]),
    (Search(label="CHURN"), []),
    (Search(model="model-0"), [9, 8, 2, 1, 0]),
    (Search(model="model-1", version="1.0"), [5, 4, 3]),
    (Search(version="0.0"), [9, 8, 2, 1, 0]),
    (Search(model="model-0", version="1.0"), []),
    (Search(min_score=0.5), [8, 4, 2]),
    (Search(max_score=0.5), [2, 1]),
    (Search(min_score=0.5, max_score=0.5), [2]),
    (Search(min_score=math.nan), []),
    (Search(min_score=-math.inf, max_score=math.inf), [8, 4, 2, 1]),
    (Search(start=30), [9, 8, 7, 6, 5, 2]),
    (Search(stop=30), [4, 3, 1, 0]),
    (Search(start=30, stop=41), [6, 5, 2]),
    (Search(start=41, stop=30), []),
    (Search(before=4), [3, 2, 1, 0]),
    (Search(size=4), [3, 2, 1, 0]),
    (Search(before=0), []),
    (Search(request_id=bytes([1, 1]) + bytes(14)), [5, 1]),
    (Search(request_id=bytes(16)), []),
    (Search(kind="prediction", subject="0" * 31 + "1", label="churn", min_score=0.5, model="model-1", start=25), [4]),
    (Search(subject="' OR 1=1 --"), []),
]  # fmt: skip


@pytest.mark.parametrize(("search", "indexes"), SEARCHES, ids=[str(number) for number in range(len(SEARCHES))])
def test_a_search_finds_what_all_its_filters_hold_for(filled: Opened, search: Search, indexes: list[int]) -> None:
    """Newest first; times half-open, scores inclusive; the limit cuts and the count does not."""
    found = filled.reader.search(search, 100)
    assert [record.leaf_index for record, _ in found] == indexes
    assert [record.leaf_index for record, _ in filled.reader.search(search, 2)] == indexes[:2]
    if search.before is None:
        assert filled.reader.count(search) == len(indexes)
    everything = {record.leaf_index: record for record in filled.all()}
    assert all(record == everything[record.leaf_index] for record, _ in found)
    assert [finding for _, finding in found] == [filled.reader.findings(0, 10)[index] for index in indexes]


def test_pages_follow_each_other_without_overlap(filled: Opened) -> None:
    """The last index of a page is the cursor of the next; a count ignores it."""
    pages, before = list[int](), None
    while page := filled.reader.search(Search(before=before), 3):
        pages += [record.leaf_index for record, _ in page]
        before = pages[-1]
    assert pages == list(range(9, -1, -1))
    assert filled.reader.count(Search(before=2)) == 10


def test_records_are_found_by_their_ids(filled: Opened) -> None:
    """By trace, by both ids and number, and by the request they are about."""
    everything = filled.all()
    trace = everything[1].leaf.trace
    assert filled.reader.by_trace(trace) == [everything[1]]
    assert filled.reader.about(trace) == [everything[1], everything[5]]
    assert filled.reader.by_trace(everything[6].leaf.trace) == everything[6:8]
    assert filled.reader.about(everything[6].leaf.trace) == [], "a stranger's trace id is no request id"
    ids = everything[6].leaf.trace, everything[6].leaf.span
    assert filled.reader.by_ids(*ids, None, 9) == everything[6:8]
    assert filled.reader.by_ids(*ids, None, 1) == everything[6:7]
    assert filled.reader.by_ids(*ids, 0, 9) == []
    assert filled.reader.by_ids(trace, everything[1].leaf.span, 1, 9) == [everything[1]]
    assert filled.reader.by_ids(trace, everything[1].leaf.span, None, 9) == []
    assert filled.reader.by_ids(trace, bytes(8), 1, 9) == []


def test_ranges_end_where_the_log_ends(filled: Opened) -> None:
    """Hashes, records and index rows of any range, also beyond the end."""
    everything = filled.all()
    assert [record.leaf_index for record in everything] == list(range(10))
    assert filled.reader.leaf_hashes(2, 5) == [record.leaf_hash for record in everything[2:5]]
    assert filled.reader.leaf_hashes(8, 300) == [record.leaf_hash for record in everything[8:]]
    assert filled.reader.leaf_hashes(10, 20) == filled.reader.leaf_hashes(5, 5) == []
    assert list(filled.reader.records(3, 5)) == everything[3:5]
    assert list(filled.reader.records(10, 20)) == []
    assert set(filled.reader.findings(0, 20)) == set(range(10))
    assert filled.reader.findings(7, 9) == {
        7: Finding(conflict=True),
        8: Finding("0" * 31 + "1", "retain", 1.0),
    }


def test_streams_are_told_as_they_stand(filled: Opened) -> None:
    """State, first record, gaps, and what was sent in a period, oldest stream first."""
    reader = filled.reader
    assert reader.stream(STREAMS[0]) == state(0, 5, 60, ended=True)
    assert reader.stream(STREAMS[2]) is None
    assert reader.first_record(STREAMS[2]) is None
    assert reader.gaps(STREAMS[0]) == []
    assert reader.gaps(STREAMS[1]) == [Gap(3, STREAMS[1], 1, 3)]

    def counts(start: int | None, stop: int | None) -> list[tuple[bytes, int, int, int]]:
        return [(c.state.stream, c.first, c.last, c.records) for c in reader.stream_counts(start, stop)]

    assert counts(None, None) == [(STREAMS[0], 0, 4, 5), (STREAMS[1], 0, 5, 3)]
    assert counts(20, 31) == [(STREAMS[0], 1, 2, 2), (STREAMS[1], 4, 5, 2)]
    assert counts(50, None) == [(STREAMS[0], 3, 4, 2)]
    assert counts(None, 15) == [(STREAMS[0], 0, 0, 1)]
    assert counts(100, None) == []


def test_the_first_record_of_a_stream_is_found_among_others_of_its_time(store: Opened) -> None:
    """Several streams may open at the same nanosecond."""
    for number in range(3):
        store.commit(produced(number, 0, "release", 5), streams=(state(number, 1, 5, first_time=5),))
    assert [store.reader.first_record(stream) for stream in STREAMS] == store.all()
