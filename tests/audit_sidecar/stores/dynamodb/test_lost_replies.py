# SPDX-License-Identifier: Apache-2.0
"""Every request of a commit fails in every way there is: what is acknowledged is kept, and nothing is there twice."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from audit_sidecar.errors import AuditError, Fatal, HeadMoved, OutcomeUnknown, Pushback
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.stores.dynamodb import cut, segments, writer
from audit_sidecar.stores.dynamodb.segments import Shape
from audit_sidecar.stores.url import create_store, open_indexer, open_reader, open_writer
from contracts.acknowledgement import Position
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import Fault, FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb
from tests.audit_sidecar.stores.whole_group import LEAVES, groups, sent

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"


@pytest.fixture
def sidecar(dynamodb: DynamoDb, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Log]:
    """Makes sidecars whose requests go through the proxy, all of them; they retry at once."""

    def made(url: str) -> Log:
        with monkeypatch.context() as patched:
            patched.setenv(ENDPOINT, proxy.endpoint)
            reader = open_reader(url)
            log = Log(url, reader, open_writer(url, reader))
        log.committer.pause = lambda _: None
        return log

    return made


@pytest.mark.parametrize("pieces", [1, 3], ids=["one item", "three items"])
@pytest.mark.parametrize("fault", Fault)
def test_a_commit_is_kept_once_however_it_fails(
    dynamodb: DynamoDb,
    proxy: FaultyProxy,
    sidecar: Callable[[str], Log],
    fault: Fault,
    pieces: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is acknowledged is in the log at once; what is sent again has the same place; nothing is there twice."""
    monkeypatch.setattr(cut, "MOST_RECORDS", 2_000 if pieces == 1 else 3)
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log, beside = sidecar(url), open_reader(url)
    told: dict[Export, tuple[Position, ...]] = {}
    number, whole = 0, False
    while not whole:
        number += 1
        exports, size = groups(number), beside.frontier().size
        proxy.arm(number, fault)
        first = sent(log, exports)
        whole = proxy.disarm()
        if first is not None:
            hashes = log.reader.leaf_hashes(size, size + 100)
            assert all(hashes[at.leaf_index - size] == at.leaf_hash for positions in first for at in positions)
        again = sent(log, exports)
        assert again is not None
        assert first is None or again == first
        assert beside.frontier().size == size + LEAVES
        told |= dict(zip(exports, again, strict=True))
    assert proxy.faults == number - 1 >= 2 * pieces, "only the last commit was left alone, so every request of one was"
    for export, positions in told.items():
        assert log.send(export) == positions
    assert log.check().checkpoint.size == beside.frontier().size
    log.writer.close()


@pytest.mark.parametrize("fault", [Fault.UNANSWERED, Fault.FAILED_DONE, Fault.LATE])
def test_a_lost_reply_is_looked_up(
    dynamodb: DynamoDb, proxy: FaultyProxy, sidecar: Callable[[str], Log], fault: Fault
) -> None:
    """The insert of the commit itself, which is the second: the senders are answered, not told to come again."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log = sidecar(url)
    size = log.reader.frontier().size
    proxy.arm(2, fault, "ExecuteStatement")
    positions = sent(log, groups(1))
    assert not proxy.disarm()
    assert positions is not None
    assert log.reader.frontier().size == size + LEAVES
    log.check()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_another_sidecar_comes_between_the_items_of_a_commit(
    dynamodb: DynamoDb, sidecar: Callable[[str], Log], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept of the commit is recognised, what was not is appended: each record has one place."""
    monkeypatch.setattr(cut, "MOST_RECORDS", 3)
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    first, second = sidecar(url), sidecar(url)
    insert, calls = first.writer._insert, 0  # type: ignore[attr-defined]

    def between(piece: object) -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            second.send(stranger(foreign(99)))
        insert(piece)

    monkeypatch.setattr(first.writer, "_insert", between)
    size = first.reader.frontier().size
    exports = groups(1)
    positions = sent(first, exports)
    assert calls > count
    assert positions is not None
    assert first.reader.frontier().size == size + LEAVES + 1
    assert sent(second, exports) == positions
    assert len(first.reader.gaps(Producer(2).stream)) == 1
    first.check()


@pytest.mark.parametrize("failure", [HeadMoved, OutcomeUnknown])
def test_an_own_record_in_the_first_item_of_a_commit_is_kept_once(
    dynamodb: DynamoDb, sidecar: Callable[[str], Log], failure: type[AuditError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sequence number of a sender's tells that it is there: its leaf does, and its place is what is told."""
    monkeypatch.setattr(cut, "MOST_RECORDS", 3)
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log = sidecar(url)
    insert, calls = log.writer._insert, 0  # type: ignore[attr-defined]

    def second_fails(piece: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise failure("between the items")
        insert(piece)

    monkeypatch.setattr(log.writer, "_insert", second_fails)
    outcomes = log.committer.commit([OwnRecord("heartbeat", {}), *groups(1), OwnRecord("heartbeat", {})])
    kinds = log.kinds()
    assert kinds.count("heartbeat") == 2
    assert len(log.reader.gaps(Producer(2).stream)) == 1
    held = log.reader.leaf_hashes(0, len(kinds))
    for outcome in outcomes:
        assert not isinstance(outcome, AuditError)
        assert all(held[at.leaf_index] == at.leaf_hash for at in outcome)
    assert calls > 2
    log.check()


def test_payloads_are_written_once_however_often_a_group_is_planned(
    dynamodb: DynamoDb, proxy: FaultyProxy, sidecar: Callable[[str], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are faster three times: their commits are learnt of, and the last plan names the blob of the first."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    first, second = sidecar(url), sidecar(url)
    insert, left = first.writer._insert, 3  # type: ignore[attr-defined]

    def beaten(piece: object) -> None:
        nonlocal left
        if left:
            left -= 1
            second.send(stranger(foreign(90 + left)))
        insert(piece)

    monkeypatch.setattr(first.writer, "_insert", beaten)
    proxy.requests.clear()
    assert sent(first, [Producer(1).export(0, 1)]) is not None
    written = [request for request in proxy.requests if request.tables[0].endswith("-payload")]
    assert (left, len(written)) == (0, 4), "three of the second sidecar's, one of the first's"
    first.check()


def test_an_index_that_no_longer_follows_pushes_back(
    dynamodb: DynamoDb, sidecar: Callable[[str], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not cover is held in memory, which is bounded; when it follows again, exports are taken again."""
    monkeypatch.setattr(segments, "SHAPE", Shape(commits=1, block=2))
    monkeypatch.setattr(writer, "MOST_UNCOVERED", 3)
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log = sidecar(url)
    assert sent(log, [Producer(1).export(0, 1, 2)]) is not None
    with pytest.raises(Pushback, match="index of the log is 4 leaves behind"):
        log.send(stranger(foreign(1)))
    indexer = open_indexer(url)
    assert indexer is not None
    indexer.catch_up()
    assert log.send(stranger(foreign(1)))[0].leaf_index == 4


def test_what_is_late_comes_too_late(dynamodb: DynamoDb, proxy: FaultyProxy, sidecar: Callable[[str], Log]) -> None:
    """An insert that reaches the service after its group was planned and kept anew is refused, and harms nothing."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log, size = sidecar(url), 1
    for number in range(1, 4):
        proxy.arm(2, Fault.LATE, "ExecuteStatement")
        assert sent(log, groups(number)) is not None
        proxy.deliver()
        assert log.reader.frontier().size == size + number * LEAVES
    assert proxy.faults == 3
    log.check()


def test_an_index_is_whole_wherever_its_writes_fail(
    dynamodb: DynamoDb, proxy: FaultyProxy, sidecar: Callable[[str], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every request of a round, in every way: the next rounds finish, and fsck compares every item with the log."""
    monkeypatch.setattr(segments, "SHAPE", Shape(commits=1, block=2))
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log = sidecar(url)
    monkeypatch.setenv(ENDPOINT, proxy.endpoint)
    number, whole = 0, False
    while not whole:
        number += 1
        assert sent(log, groups(number)) is not None
        indexer = open_indexer(url)
        assert indexer is not None
        for fault in (Fault.UNANSWERED, Fault.THROTTLED):
            proxy.arm(number, fault)
            with suppress(Pushback):
                indexer.catch_up()
            whole = proxy.disarm()
        while indexer.catch_up().commits:
            pass
    assert proxy.faults >= 2 * (number - 1)
    log.check()


def test_a_log_that_is_set_back_is_fatal(dynamodb: DynamoDb, sidecar: Callable[[str], Log]) -> None:
    """Its newest commit is gone: nothing more is appended or signed by a sidecar that knew it."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    log = sidecar(url)
    log.send(stranger(foreign(1)))
    log.send(stranger(foreign(2)))
    requests = log.reader.shared[0]  # type: ignore[attr-defined]
    requests._client.delete_item(
        TableName=requests.location.log,
        Key={"log": {"S": ORIGIN}, "n": {"N": str(log.reader.shared[1].head.n)}},  # type: ignore[attr-defined]
    )
    with pytest.raises(Fatal, match="set back"):
        log.publish_now()
    with pytest.raises(Fatal, match="set back"):
        log.send(stranger(foreign(3)))
