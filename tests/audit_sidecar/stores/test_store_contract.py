# SPDX-License-Identifier: Apache-2.0
"""What every store engine must do, whatever it is made of."""

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_sidecar.errors import Fatal, Pushback, StoreRefused
from audit_sidecar.stores.store import (
    Commit,
    Finding,
    Gap,
    NewRecord,
    Search,
    SignedCheckpoint,
    StoredRecord,
    StoreReader,
    StoreWriter,
    StreamState,
    Subtree,
)
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from audit_sidecar.tlog.merkle import leaf_hash
from contracts.leaf import Leaf, leaf_text
from contracts.payload import Payload, PayloadContext, payload_bytes
from tests.audit_sidecar.stores.engines import ENGINES, Engine
from tests.contracts.spans import PAYLOAD, raw

LAST_TIME = (1 << 64) - 1
STREAMS = [bytes([number]) * 16 for number in range(1, 4)]
NONE = Finding()
CONTEXT = PayloadContext(b"resource", b"scope", None, None)


@dataclass
class Opened:
    """A store under test, and the commits made so far."""

    engine: Engine
    url: str
    reader: StoreReader
    writer: StoreWriter

    def commit(self, *records: NewRecord, streams: tuple[StreamState, ...] = (), gaps: tuple[Gap, ...] = ()) -> None:
        """Append these."""
        self.writer.commit(self.planned(*records, streams=streams, gaps=gaps))

    def planned(
        self,
        *records: NewRecord,
        streams: tuple[StreamState, ...] = (),
        gaps: tuple[Gap, ...] = (),
        subtrees: tuple[Subtree, ...] = (),
    ) -> Commit:
        """The commit that would append these."""
        frontier = self.reader.frontier()
        old_size = frontier.size
        for record in records:
            frontier.append(record.leaf_hash)
        return Commit(old_size, frontier, records, streams, gaps, subtrees)

    def all(self) -> list[StoredRecord]:
        """Every record."""
        return list(self.reader.records(0, 1 << 20))


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.param
    return found


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> Iterator[Opened]:
    """An empty log, opened."""
    url = engine.url(tmp_path)
    create_store(url, "log.example.com/a")
    opened = Opened(engine, url, open_reader(url), open_writer(url))
    yield opened
    opened.writer.close()


def new(leaf: Leaf, payload: Payload, finding: Finding) -> NewRecord:
    return NewRecord(leaf, leaf_hash(leaf_text(leaf)), bytes(32), payload, finding)


def span(number: int, time: int = 0, payload: Payload | None = None, finding: Finding = NONE) -> NewRecord:
    """A foreign span."""
    leaf = Leaf(bytes(32), "span", number.to_bytes(8), time, number.to_bytes(16))
    return new(leaf, payload or Payload(CONTEXT, b"span"), finding)


def produced(stream: int, seq: int, kind: str = "prediction", time: int = 0, **rest: object) -> NewRecord:
    """A producer's record; ``about`` names the request it is about, where it is none itself."""
    trace = bytes([stream + 1, seq]) + bytes(14)
    request = trace if kind in ("prediction", "reject", "error") else rest.get("about")
    assert request is None or isinstance(request, bytes)
    leaf = Leaf(bytes(32), kind, bytes([seq]) * 8, time, trace, request, b"r" * 32, seq, STREAMS[stream])
    finding = rest.get("finding", NONE)
    assert isinstance(finding, Finding)
    return new(leaf, Payload(CONTEXT, b"span"), finding)


def state(stream: int, next_seq: int, time: int = 0, ended: bool = False, first_time: int = 0) -> StreamState:
    return StreamState(
        STREAMS[stream], "unix", b"r" * 32, CONTEXT, f"model-{stream}", f"{stream}.0", next_seq, first_time, time, ended
    )


def kept(index: int, record: NewRecord) -> StoredRecord:
    return StoredRecord(index, record.leaf, record.leaf_hash, record.salt, record.payload)


def test_a_new_store_is_an_empty_log(store: Opened) -> None:
    """It has its origin, size 0 and no checkpoint."""
    assert store.reader.origin() == "log.example.com/a"
    assert (store.reader.frontier().size, store.reader.checkpoint(), store.all()) == (0, None, [])
    assert store.reader.stream_counts(None, None) == []


def test_a_store_is_created_once(store: Opened) -> None:
    """Creating over a log is refused and leaves it as it was."""
    store.commit(span(1))
    with pytest.raises(StoreRefused, match="exists already"):
        create_store(store.url, "log.example.com/b")
    assert (store.reader.origin(), store.reader.frontier().size) == ("log.example.com/a", 1)


def test_a_missing_store_is_refused_and_not_made(engine: Engine, tmp_path: Path) -> None:
    """Neither reading nor writing ever starts a log."""
    for opening in (open_reader, open_writer):
        with pytest.raises(StoreRefused, match="store init"):
            opening(engine.url(tmp_path))
    create_store(engine.url(tmp_path), "log.example.com/a")


def test_a_second_writer_is_refused_until_the_first_is_gone(store: Opened) -> None:
    """From this process and from another; a closed one makes room."""
    with pytest.raises(StoreRefused, match="another sidecar"):
        open_writer(store.url)
    program = f"from audit_sidecar.stores.url import open_writer\nopen_writer({store.url!r})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert "another sidecar" in ended.stderr
    store.commit(span(1))
    store.writer.close()
    store.writer = open_writer(store.url)
    store.commit(span(2))
    assert len(store.all()) == 2


def test_a_plan_for_another_head_is_refused_and_nothing_is_appended(store: Opened) -> None:
    """Compare-and-set on the size: of two plans for one head only one happens."""
    first, second = store.planned(span(1)), store.planned(span(2))
    store.writer.commit(first)
    with pytest.raises(Fatal, match="no longer has 0"):
        store.writer.commit(second)
    assert [record.leaf.span for record in store.all()] == [(1).to_bytes(8)]
    assert store.reader.frontier().to_bytes() == first.frontier.to_bytes()


def test_a_commit_is_all_or_nothing(store: Opened) -> None:
    """A failure at the last table undoes the first: leaves, streams, gaps, findings and size."""
    store.commit(produced(0, 0, "release"), streams=(state(0, 1),))
    before = store.reader.frontier().to_bytes()
    twice = Gap(1, STREAMS[0], 1, 2)
    broken = store.planned(
        produced(0, 3, finding=Finding("s" * 32, "churn", 0.5)),
        span(9, finding=Finding(conflict=True)),
        streams=(state(0, 4), state(1, 7)),
        gaps=(twice, twice),
        subtrees=(Subtree(8, 0, bytes(32)),),
    )
    with pytest.raises(Fatal):
        store.writer.commit(broken)
    store.writer.close()  # as a process does that meets Fatal
    store.writer = open_writer(store.url)
    assert store.reader.frontier().to_bytes() == before
    assert len(store.all()) == 1
    assert (store.reader.stream(STREAMS[0]), store.reader.stream(STREAMS[1])) == (state(0, 1), None)
    assert (store.reader.gaps(STREAMS[0]), store.reader.subtrees(8, 0, 1)) == ([], [])
    assert store.reader.count(Search(label="churn")) == 0
    store.writer.commit(broken._replace(gaps=(twice,)))
    assert len(store.all()) == 3


def test_a_full_store_pushes_back_and_works_again(store: Opened) -> None:
    """Nothing of the commit is kept, readers go on, and the same commit succeeds once there is room."""
    big = Payload(CONTEXT, os.urandom(200_000))
    store.commit(span(1))
    refused = store.planned(span(2, payload=big), produced(0, 0, "release"), streams=(state(0, 1),))
    with store.engine.starved(store.writer):
        for _ in range(2):
            with pytest.raises(Pushback):
                store.writer.commit(refused)
            assert (len(store.all()), store.reader.stream(STREAMS[0])) == (1, None)
    store.writer.commit(refused)
    assert [payload.payload for payload in store.all()][1] == big
    assert store.reader.stream(STREAMS[0]) == state(0, 1)


CHECKPOINT = SignedCheckpoint(5, bytes(32), b"note", 1)


def test_a_checkpoint_replaces_a_smaller_one(store: Opened) -> None:
    """The newest is given back; the same one may be put again."""
    for checkpoint in (CHECKPOINT, CHECKPOINT._replace(note=b"again", time=2), CHECKPOINT._replace(size=9)):
        store.writer.put_checkpoint(checkpoint)
        assert store.reader.checkpoint() == checkpoint


@pytest.mark.parametrize("wrong", [CHECKPOINT._replace(size=4), CHECKPOINT._replace(root=b"1" * 32)])
def test_a_second_truth_is_never_persisted(store: Opened, wrong: SignedCheckpoint) -> None:
    """Neither a smaller size nor another root of the same size, whoever asks."""
    store.writer.put_checkpoint(CHECKPOINT)
    with pytest.raises(Fatal, match="was signed before"):
        store.writer.put_checkpoint(wrong)
    assert store.reader.checkpoint() == CHECKPOINT


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(PAYLOAD, raw(32)), min_size=1, max_size=8), st.integers(0, LAST_TIME))
def test_payloads_come_back_identical(store: Opened, payloads: list[tuple[Payload, bytes]], time: int) -> None:
    """Byte for byte, an empty part apart from an absent one, with salt and any u64 time."""
    start = store.reader.frontier().size
    records = [span(n, time, payload)._replace(salt=salt) for n, (payload, salt) in enumerate(payloads)]
    store.commit(*records)
    found = list(store.reader.records(start, start + len(records)))
    assert found == [kept(start + n, record) for n, record in enumerate(records)]
    assert [payload_bytes(r.payload) for r in found if r.payload] == [payload_bytes(p) for p, _ in payloads]


def test_contexts_that_differ_only_in_absence_are_kept_apart(store: Opened) -> None:
    """In one commit and across commits, before and after the writer was opened again."""
    parts = (None, b"", b"x")
    contexts = [PayloadContext(a, b, c, d) for a in parts for b in parts for c in parts for d in parts]
    store.commit(*(span(n, payload=Payload(context, b"s")) for n, context in enumerate(contexts)))
    store.writer.close()
    store.writer = open_writer(store.url)
    store.commit(*(span(n, payload=Payload(context, b"s")) for n, context in enumerate(reversed(contexts))))
    found = [record.payload.context for record in store.all() if record.payload]
    assert found == contexts + contexts[::-1]


@pytest.mark.parametrize("time", [0, 1, (1 << 63) - 1, 1 << 63, LAST_TIME])
def test_every_time_is_kept_and_found(store: Opened, time: int) -> None:
    """Times are unsigned 64-bit, in leaves, streams and searches, and 2262 comes after 2026."""
    store.commit(produced(0, 0, "release", time), streams=(state(0, 1, time, first_time=time),))
    assert store.all()[0].leaf.time == time
    assert store.reader.stream(STREAMS[0]) == state(0, 1, time, first_time=time)
    assert store.reader.first_record(STREAMS[0]) == store.all()[0]
    assert [c.records for c in store.reader.stream_counts(None, None)] == [1]
    assert [c.records for c in store.reader.stream_counts(time, None)] == [1]
    assert store.reader.count(Search(start=time)) == 1
    if time < LAST_TIME:
        assert store.reader.count(Search(start=time, stop=time + 1)) == 1
        assert store.reader.count(Search(start=time + 1)) == 0
    assert store.reader.count(Search(stop=time)) == 0
    assert store.reader.stream_counts(None, time) == []


@pytest.fixture
def filled(store: Opened) -> Opened:
    """Two streams and a stranger: three commits, ten records."""
    pseudonym, text = "0" * 31 + "1", "not hex"
    store.commit(
        produced(0, 0, "release", 10),
        produced(0, 1, time=20, finding=Finding(pseudonym, "churn", 0.25)),
        produced(0, 2, time=30, finding=Finding(text, "retain", 0.5)),
        streams=(state(0, 3, 30),),
    )
    about = produced(0, 1).leaf.trace
    store.commit(
        produced(1, 0, "release", 15),
        produced(1, 4, time=25, finding=Finding(pseudonym, "churn", 0.75)),
        produced(1, 5, "withheld", 30, about=about),
        span(7, 40),
        streams=(state(1, 6, 30),),
        gaps=(Gap(3, STREAMS[1], 1, 3),),
    )
    store.commit(
        span(7, 41, finding=Finding(conflict=True)),
        produced(0, 3, time=50, finding=Finding(pseudonym, "retain", 1.0)),
        produced(0, 4, "end", 60),
        streams=(state(0, 5, 60, ended=True),),
    )
    return store


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


def test_subtrees_come_back_in_order(store: Opened) -> None:
    """By level and position, and none that was not put."""
    subtrees = [Subtree(8, 0, b"a" * 32), Subtree(8, 1, b"b" * 32), Subtree(16, 0, b"c" * 32)]
    store.writer.commit(store.planned(span(1), subtrees=tuple(subtrees)))
    assert store.reader.subtrees(8, 0, 9) == [b"a" * 32, b"b" * 32]
    assert store.reader.subtrees(8, 1, 2) == [b"b" * 32]
    assert store.reader.subtrees(16, 0, 1) == [b"c" * 32]
    assert store.reader.subtrees(24, 0, 9) == []


def test_readers_see_whole_commits_while_the_log_grows(store: Opened) -> None:
    """Other threads read at any moment, are never refused, and never see half a commit."""
    group, sizes, failures = 10, set[int](), list[BaseException]()
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                size = store.reader.frontier().size
                sizes.add(size)
                assert size % group == 0
                assert len(store.reader.leaf_hashes(0, size)) == size
                assert all(record.payload for record, _ in store.reader.search(Search(), 3))
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for number in range(60):
        store.commit(*(span(number * group + at) for at in range(group)))
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert store.reader.frontier().size == 600
    assert sizes


def test_what_was_committed_is_there_when_the_store_is_opened_again(filled: Opened) -> None:
    """Everything, to the last row."""
    before = filled.all(), filled.reader.findings(0, 10), filled.reader.frontier().to_bytes()
    filled.writer.close()
    filled.writer = open_writer(filled.url)
    reader = open_reader(filled.url)
    after = list(reader.records(0, 10)), reader.findings(0, 10), reader.frontier().to_bytes()
    assert after == before
