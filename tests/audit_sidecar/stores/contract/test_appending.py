# SPDX-License-Identifier: Apache-2.0
"""What every store engine must do with what is put into it, whatever it is made of."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_sidecar.errors import Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.stores.store import (
    Finding,
    Gap,
    Search,
    SignedCheckpoint,
    Subtree,
)
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from contracts.payload import Payload, PayloadContext, payload_bytes
from tests.audit_sidecar.stores.contract.engines import Engine
from tests.audit_sidecar.stores.contract.opened import CONTEXT, LAST_TIME, STREAMS, Opened, kept, produced, span, state
from tests.contracts.spans import PAYLOAD, raw


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


def test_a_missing_store_is_refused_and_not_made(engine: Engine, request: pytest.FixtureRequest) -> None:
    """Neither reading nor writing ever starts a log."""
    url = engine.new(request)
    for opening in (open_reader, open_writer):
        with pytest.raises(StoreRefused, match="store init"):
            opening(url)
    create_store(url, "log.example.com/a")


def test_a_second_writer_is_refused_until_the_first_is_gone(store: Opened) -> None:
    """From this process and from another; a closed one makes room. Where writers share a store, they share it."""
    if store.engine.shared:
        open_writer(store.url).close()
        return
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
    with pytest.raises(HeadMoved if store.engine.shared else Fatal, match="no longer has 0"):
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


def test_a_full_store_pushes_back_and_works_again(store: Opened, request: pytest.FixtureRequest) -> None:
    """Nothing of the commit is kept, readers go on, and the same commit succeeds once there is room."""
    big = Payload(CONTEXT, os.urandom(200_000))
    store.commit(span(1))
    refused = store.planned(span(2, payload=big), produced(0, 0, "release"), streams=(state(0, 1),))
    with store.engine.starved(request, store.url, store.writer):
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
    late = store.engine.shared and wrong.size < CHECKPOINT.size  # another publisher was faster, and no harm is done
    with pytest.raises(HeadMoved if late else Fatal, match="was signed before"):
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
