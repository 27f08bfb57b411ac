# SPDX-License-Identifier: Apache-2.0
"""The index says what the log says: every look-up gives the same with it, without it, and with half of it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from audit_sidecar.errors import AuditError, StoreAway
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.indexer import DynamoIndexer
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.reader import DynamoReader
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.segments import Covered, Segment, Shape
from audit_sidecar.stores.index import Lag
from audit_sidecar.stores.store import Search, Subtree
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.stores.url import create_store, open_indexer, open_reader, open_writer
from audit_sidecar.tlog.merkle import tree_root
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.contract.engines import ENGINES
from tests.audit_sidecar.stores.contract.opened import PSEUDONYM, STREAMS, Opened, span
from tests.audit_sidecar.stores.contract.test_reading import SEARCHES
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb

TIMES = ((None, None), (20, 31), (50, None), (None, 15))


@pytest.fixture
def store(dynamodb: DynamoDb) -> Iterator[Opened]:
    """Eight commits: two streams, strangers, a gap, and enough leaves to complete a subtree."""
    url = dynamodb.new_store()
    create_store(url, "log.example.com/a")
    opened = Opened(ENGINES["dynamodb"], url, open_reader(url), open_writer(url))
    opened.begin()
    for first in range(0, 600, 150):
        records = [span(1000 + first + number, 45) for number in range(150)]
        commit = opened.planned(*records)
        frontier = opened.reader.frontier()
        completed = frontier.extend([record.leaf_hash for record in records], 8)
        opened.writer.commit(commit._replace(subtrees=[Subtree(*found) for found in completed]))
    opened.finish()
    yield opened
    opened.writer.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit is a segment, and two segments are a block."""
    monkeypatch.setattr(segments, "SHAPE", Shape(commits=1, block=2))


def indexed(store: Opened, commits: int) -> DynamoReader:
    """A fresh reader, after so many commits were indexed."""
    requests = Requests(parse_location(store.url))
    lag = DynamoIndexer(requests, Commits(requests)).catch_up(commits)
    assert lag.commits == 7 - commits
    fresh = open_reader(store.url)
    assert isinstance(fresh, DynamoReader)
    return fresh


@pytest.mark.parametrize("commits", [7, 3, 1])
def test_every_answer_is_the_same_with_an_index(store: Opened, commits: int) -> None:
    """Searches, counts, pages, ids, streams, gaps, hashes and subtrees, with all, half or little of the index."""
    without, with_ = store.reader, indexed(store, commits)
    everything = store.all()
    size = len(everything)
    for search, _ in SEARCHES:
        assert with_.search(search, 700) == without.search(search, 700), search
        assert with_.search(search, 2) == without.search(search, 2), search
        assert with_.count(search) == without.count(search), search
    for size_ in (1, 4, 300, size):
        for kind in ("prediction", "span", "end", None):
            wanted = sum(kind in (None, record.leaf.kind) for record in everything[:size_])
            assert with_.count(Search(kind=kind, size=size_)) == wanted
    for record in (*everything[:8], everything[-3], everything[-1]):
        leaf = record.leaf
        assert with_.by_trace(leaf.trace) == without.by_trace(leaf.trace) != []
        assert with_.by_ids(leaf.trace, leaf.span, leaf.seq, 1) == without.by_ids(leaf.trace, leaf.span, leaf.seq, 1)
        assert with_.about(leaf.trace) == without.about(leaf.trace)
    for stream in STREAMS:
        assert with_.stream(stream) == without.stream(stream)
        assert with_.first_record(stream) == without.first_record(stream)
        assert with_.gaps(stream) == without.gaps(stream)
    for start, stop in TIMES:
        assert with_.stream_counts(start, stop) == without.stream_counts(start, stop)
    for low, high in ((0, size), (2, 5), (155, 460), (size - 1, size + 9)):
        assert with_.leaf_hashes(low, high) == without.leaf_hashes(low, high)
        assert list(with_.records(low, high)) == everything[low:high]
        assert with_.findings(low, high) == without.findings(low, high)
    assert with_.subtrees(8, 0, 9) == without.subtrees(8, 0, 9)
    assert len(with_.subtrees(8, 0, 9)) == size // 256
    assert tree_root(size, StoreTree(with_)) == with_.frontier().root()
    assert with_.strays() == []


def test_indexing_twice_changes_nothing(store: Opened) -> None:
    """An indexer that starts from an older view writes the same items again, and progress never goes back."""
    requests = Requests(parse_location(store.url))
    late = DynamoIndexer(requests, Commits(requests))
    indexed(store, 7)
    before = dump(requests)
    monkey = DynamoIndexer(requests, Commits(requests))
    done = Covered()
    for n in range(1, 8):
        done = monkey._index(Segment(n - 1, (Commits(requests).numbered(n),)), done)
    assert late.catch_up() == Lag(0, 0)
    assert dump(requests) == before


def test_an_indexer_that_is_interrupted_leaves_answers_whole(store: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off at any write, every look-up is still right, and the next round finishes."""
    requests = Requests(parse_location(store.url))
    wanted = [store.reader.search(search, 700) for search, _ in SEARCHES[:12]]
    for cut in range(1, 60, 7):
        calls = itertools.count(1)

        def cut_off(real: Callable[..., None], *arguments: object, **options: object) -> None:
            if next(calls) == cut:  # noqa: B023  (used within its round)
                raise StoreAway("the line is cut")
            real(*arguments, **options)

        with monkeypatch.context() as patched:
            for name in ("update", "insert_missing"):
                patched.setattr(Requests, name, through(partial(cut_off, getattr(Requests, name))))
            with suppress(AuditError):
                DynamoIndexer(requests, Commits(requests)).catch_up()
        fresh = open_reader(store.url)
        assert [fresh.search(search, 700) for search, _ in SEARCHES[:12]] == wanted
    assert DynamoIndexer(requests, Commits(requests)).catch_up() == Lag(0, 0)


def test_no_text_of_a_caller_stands_in_a_key_of_the_index(store: Opened) -> None:
    """A subject is found by a digest: the state table holds no pseudonym that an erasure would have to find."""
    indexed(store, 7)
    dumped = repr(dump(Requests(parse_location(store.url))))
    assert PSEUDONYM not in dumped
    assert "not hex" not in dumped


def test_foreign_spans_are_looked_up_a_hundred_at_once(
    dynamodb: DynamoDb, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a commit, new ones and those that come again, and by fsck: requests do not grow with their number."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint)
    log = sidecar_of(url)
    texts = [foreign(number, trace=number) for number in range(90)]
    first = log.send(stranger(*texts))
    indexer = open_indexer(url)
    assert indexer is not None
    assert indexer.catch_up() == Lag(0, 0)
    log.reload()
    proxy.requests.clear()
    assert log.send(stranger(*texts, foreign(100, trace=100)))[:90] == first
    asked = [request.operation for request in proxy.requests]
    assert asked.count("BatchGetItem") <= 2, "the index, and the blobs of those that are there"
    assert len(asked) < 12
    log.send(stranger(*(foreign(number, "other", trace=number) for number in range(5))))
    while indexer.catch_up().commits:
        pass
    log.publish_now()
    proxy.requests.clear()
    log.check()
    assert len(proxy.requests) < 200, "with one for each conflict at most, and some for the log's proofs"
    assert sum(finding.conflict for finding in log.reader.findings(0, 200).values()) == 5


def through(call: Callable[..., None]) -> Callable[..., None]:
    """As a method."""
    return lambda *arguments, **options: call(*arguments, **options)


def dump(requests: Requests) -> list[Item]:
    """Every item of the state table."""
    found: list[Item] = requests._client.scan(TableName=requests.location.state, ConsistentRead=True)["Items"]
    return sorted((item for item in found if item["pk"]["S"] != "publisher"), key=repr)
