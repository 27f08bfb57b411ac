# SPDX-License-Identifier: Apache-2.0
"""A commit larger than an item: pieces that fit, each of which leaves a whole log, and exports of every size."""

import os

import pytest

from audit_sidecar.errors import Refused
from audit_sidecar.stores.dynamodb import cut as cutting
from audit_sidecar.stores.dynamodb.commit_item import MOST_BYTES, CommitItem, body_size, write_item
from audit_sidecar.stores.dynamodb.cut import MOST_RECORDS, cut
from audit_sidecar.stores.store import Commit, Gap, NewRecord, StreamState
from audit_sidecar.stores.url import create_store, open_reader
from audit_sidecar.tlog.merkle import Frontier
from contracts.leaf import Leaf
from contracts.payload import Payload, PayloadContext
from contracts.wire import bytes_field
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.contract.opened import STREAMS, produced, span, state
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb

BEGINNING = CommitItem(0, 0, Frontier(), (), (), (), (), (), {})
ME = bytes(8)


def planned(records: list[NewRecord], streams: list[StreamState], gaps: tuple[Gap, ...] = ()) -> Commit:
    """On an empty log."""
    frontier = Frontier()
    for record in records:
        frontier.append(record.leaf_hash)
    return Commit(0, frontier, records, streams, gaps, ())


def test_pieces_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every leaf once, edges that grow, streams that stand after each piece where its leaves are, kinds that add up."""
    monkeypatch.setattr(cutting, "MOST_RECORDS", 4)
    records = [produced(0, seq, "prediction" if seq else "release", time=seq) for seq in range(6)]
    records += [produced(1, 0, "release"), span(1), produced(1, 1, "end", 9)]
    commit = planned(records, [state(0, 6, 5), state(1, 2, 9, ended=True)])
    items = [piece.item for piece in cut(commit, BEGINNING, ME)]
    assert [(item.n, item.start, item.size) for item in items] == [(1, 0, 4), (2, 4, 8), (3, 8, 9)]
    assert [leaf for item in items for leaf in item.leaves] == [record.leaf for record in records]
    assert [item.streams for item in items] == [
        (state(0, 4, 3),),
        (state(0, 6, 5), state(1, 1, 0)),
        (state(1, 2, 9, ended=True),),
    ]
    assert items[-1].frontier.to_bytes() == commit.frontier.to_bytes()
    assert items[-1].kinds == {"release": 2, "prediction": 5, "span": 1, "end": 1}
    assert [item.frontier.size for item in items] == [4, 8, 9]


def test_a_gap_stays_with_the_record_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an interruption between them would leave a gap that is told of twice."""
    monkeypatch.setattr(cutting, "MOST_RECORDS", 3)
    records = [span(1), span(2), produced(1, 0, "gap"), produced(0, 4), span(3)]
    gap = Gap(2, STREAMS[0], 0, 3)
    items = [piece.item for piece in cut(planned(records, [state(0, 5), state(1, 1)], (gap,)), BEGINNING, ME)]
    assert [item.size for item in items] == [2, 5]
    assert [item.gaps for item in items] == [(), (gap,)]


def test_the_largest_pieces_fit() -> None:
    """Leaves and Resources of noise, which no compression makes smaller."""
    records, streams = [], []
    for _ in range(400):
        context = PayloadContext(os.urandom(9_000), os.urandom(500), None, None)
        stream = os.urandom(16)
        record = produced(0, 0, "release")
        leaf = record.leaf._replace(stream=stream, commitment=os.urandom(32), trace=os.urandom(16), span=os.urandom(8))
        records.append(record._replace(leaf=leaf, payload=Payload(context, os.urandom(30))))
        streams.append(state(0, 1)._replace(stream=stream, context=context, release=os.urandom(32)))
    records += [span(number)._replace(leaf=noise()) for number in range(2 * MOST_RECORDS)]
    pieces = list(cut(planned(records, streams), BEGINNING, ME))
    assert max(body_size(write_item(ORIGIN, piece.item)) for piece in pieces) <= MOST_BYTES
    assert sum(len(piece.records) for piece in pieces) == len(records)
    assert len(pieces) < 20


def noise() -> Leaf:
    """A leaf that compresses to nothing less."""
    leaf = produced(0, 0, "prediction").leaf
    return leaf._replace(
        commitment=os.urandom(32), trace=os.urandom(16), span=os.urandom(8), id=os.urandom(16), release=os.urandom(32),
        stream=os.urandom(16), time=int.from_bytes(os.urandom(8)), seq=int.from_bytes(os.urandom(7)),
    )  # fmt: skip


@pytest.fixture
def log(dynamodb: DynamoDb) -> Log:
    """A sidecar on a fresh log."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    return sidecar_of(url)


def test_exports_of_every_size_come_back(log: Log) -> None:
    """Spans of 2 MiB of noise, thousands in one export, nothing at all: the same bytes, in order."""
    large = [foreign(number, os.urandom(1 << 20).hex()) for number in range(2)]
    many = [foreign(number, "m", trace=1) for number in range(2_100)]
    exports = [stranger(*large), stranger(*many), stranger(foreign(1, trace=2))]
    for export in exports:
        places = [position.leaf_index for position in log.send(export)]
        assert places == list(range(places[0], places[0] + len(places)))
    found = [record.payload for record in open_reader(log.url).records(1, 10_000)]
    assert found == [payload for export in exports for payload in export.payloads]
    assert log.send(exports[1])[0].leaf_index == 3, "recognised, though it came in two items"


def test_a_resource_beyond_what_an_item_holds_refuses_its_export_alone(log: Log) -> None:
    """For good, and saying what is too large; what came with it is kept, and the largest that is allowed fits."""
    producer, other = Producer(1), Producer(2)
    payload = producer.record(0)

    def scope(size: int) -> PayloadContext:
        resource = payload.context.resource or b""
        noise = noise_of(size - len(resource) - 4)
        return PayloadContext(resource, bytes_field(2, noise), None, None)

    large = producer.send(Payload(scope(cutting.MOST_RESOURCE + 1), payload.span))
    refused, kept = log.committer.commit([large, other.export(0, 1)])
    assert isinstance(refused, Refused)
    assert f"{cutting.MOST_RESOURCE + 1} bytes" in str(refused)
    assert isinstance(kept, tuple)
    assert [position.leaf_index for position in kept] == [1, 2]
    largest = scope(cutting.MOST_RESOURCE)
    sent = [producer.send(Payload(largest, producer.record(seq).span)) for seq in range(2)]
    assert [log.send(export)[0].leaf_index for export in sent] == [3, 4]
    log.check()


def noise_of(size: int) -> bytes:
    """Text that compresses little."""
    return os.urandom(size // 2 + 1).hex().encode()[:size]
