# SPDX-License-Identifier: Apache-2.0
"""One group: each export whole or not at all, and nothing of a refused one remains."""

import math
from collections.abc import Sequence

import pytest

from audit_sidecar.errors import AuditError, Fatal, HeadMoved, Pushback, Refused
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.plan import find
from audit_sidecar.stores.store import Commit, Finding
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.commitment import commit
from contracts.evidence import read_record
from contracts.payload import payload_bytes
from tests.audit_sidecar.producers import NOTHING, Attributes, Log, Producer, foreign, stranger

OURS, OTHER = Producer(1), Producer(2)
REFUSED = OURS.record(9, "gap")


def group(log: Log, *items: Export | OwnRecord) -> list[list[int] | str]:
    """Send items in one commit: the indexes each got, or the name of its refusal."""
    outcomes = log.committer.commit(items)
    return [
        type(outcome).__name__ if isinstance(outcome, AuditError) else [position.leaf_index for position in outcome]
        for outcome in outcomes
    ]


def test_positions_come_in_the_order_of_the_request(log: Log) -> None:
    """Items in order, records in order, gap records between them."""
    notice = OwnRecord("notice", {})
    found = group(log, OURS.export(0, 1), stranger(foreign(1)), OURS.export(4), OTHER.export(0), notice)
    assert found == [[1, 2], [3], [5], [6], [7]]
    assert log.kinds() == [
        "release", "release", "prediction", "span", "gap", "prediction", "release", "notice",
    ]  # fmt: skip
    log.check()


def test_a_refused_export_leaves_nothing_behind(log: Log) -> None:
    """Neither records nor stream nor gap nor a place in the sidecar's stream; its neighbours are not touched."""
    found = group(
        log,
        OURS.export(0),
        Export("unix", (OTHER.record(5), OTHER.record(7), foreign(1), REFUSED), 0),
        OURS.export(1),
        stranger(foreign(1)),
        Export("unix", (OURS.record(4), OURS.record(2, "release")), 0),
        OURS.export(2),
        OTHER.export(0),
    )
    assert found == [[1], "Refused", [2], [3], "Conflict", [4], [5]]
    assert log.kinds() == ["release", "release", "prediction", "span", "prediction", "release"]
    assert [log.reader.gaps(producer.stream) for producer in (OURS, OTHER)] == [[], []]
    state = log.reader.stream(OTHER.stream)
    assert state is not None
    assert state.next_seq == 1
    own = [record.leaf.seq for record in log.records() if record.leaf.stream == log.own.stream]
    assert own == [0]
    log.check()


def test_a_group_of_refusals_commits_nothing(log: Log) -> None:
    """And the log goes on afterwards."""
    assert group(log, OURS.send(REFUSED), OURS.send(REFUSED)) == ["Refused", "Refused"]
    assert group(log) == []
    assert log.reader.frontier().size == 1
    assert group(log, OURS.export(0)) == [[1]]


def test_duplicates_within_a_group_are_kept_once(log: Log) -> None:
    """A producer's and a stranger's, in one export and across exports, and after a refused one that held them."""
    found = group(
        log,
        Export("unix", (OURS.record(0), foreign(1), REFUSED), 0),
        OURS.send(OURS.record(0), OURS.record(0), foreign(1), foreign(1)),
        stranger(foreign(1), foreign(2)),
        OURS.export(0),
    )
    assert found == ["Refused", [1, 1, 2, 2], [2, 3], [1]]
    assert group(log, stranger(foreign(2), foreign(1))) == [[3, 2]]
    assert log.metrics.registry.get_sample_value("countersign_audit_duplicates_total") == 6
    log.check()


def test_the_same_ids_with_other_bytes_are_both_kept(log: Log) -> None:
    """The later ones are marked; each version again is a duplicate; another context is other bytes too."""
    versions = [foreign(1, text) for text in ("a", "b", "c")]
    versions.append(foreign(1, "a", NOTHING._replace(resource=b"")))
    assert group(log, stranger(*versions[:2])) == [[1, 2]]
    assert group(log, stranger(*versions)) == [[1, 2, 3, 4]]
    assert group(log, stranger(*versions[::-1])) == [[4, 3, 2, 1]]
    assert [finding.conflict for finding in log.reader.findings(1, 5).values()] == [False, True, True, True]
    assert log.metrics.registry.get_sample_value("countersign_audit_conflicts_total") == 3
    log.check()


def test_ids_that_differ_are_no_conflict(log: Log) -> None:
    """The same span id in another trace, and another span id in the same trace."""
    assert group(log, stranger(foreign(1), foreign(1, trace=1), foreign(2))) == [[1, 2, 3]]
    assert not any(finding.conflict for finding in log.reader.findings(0, 4).values())


def test_a_stranger_cannot_take_a_producers_ids(log: Log) -> None:
    """Whoever comes first, the record is kept as a record, and the span is no conflict of it."""
    record = OURS.record(1)
    assert group(log, stranger(record), OURS.export(0, 1), stranger(record)) == [[1], [2, 3], [1]]
    assert log.kinds() == ["release", "span", "release", "prediction"]
    assert not any(finding.conflict for finding in log.reader.findings(0, 4).values())
    log.check()


def test_many_spans_of_one_trace_cost_no_more_each(log: Log) -> None:
    """A span is compared with those of its own ids: 3,000 of one trace ask the store 3,000 short questions."""
    asked: list[int] = []
    look_up = log.reader.by_ids

    def counted(trace: bytes, span: bytes, seq: int | None, limit: int) -> Sequence[object]:
        found = look_up(trace, span, seq, limit)
        asked.append(len(found))
        return found

    log.reader.by_ids = counted  # type: ignore[method-assign,assignment]  # the store as it is, watched
    log.send(stranger(*(foreign(number) for number in range(3000))))
    log.send(stranger(*(foreign(number) for number in range(3000, 3100))))
    assert (len(asked), sum(asked)) == (3100, 0)


def test_versions_of_one_span_are_compared_up_to_a_bound(log: Log) -> None:
    """Beyond it a version is kept again: a flood of conflicts grows the log and not the work for each."""
    limits: set[int] = set()
    look_up = log.reader.by_ids

    def watched(trace: bytes, span: bytes, seq: int | None, limit: int) -> Sequence[object]:
        limits.add(limit)
        return look_up(trace, span, seq, limit)

    log.reader.by_ids = watched  # type: ignore[method-assign,assignment]  # the store as it is, watched
    for _ in range(2):
        log.send(stranger(*(foreign(1, str(number)) for number in range(40))))
    one, limit = sorted(limits)
    assert one == 1, "one alone is asked for first"
    assert log.reader.frontier().size == 1 + 40 + (40 - limit)
    log.check()


def test_payload_and_commitment_are_what_was_sent(log: Log) -> None:
    """The bytes of the request, with a salt of their own for each record."""
    sent = [OURS.record(seq) for seq in range(4)]
    log.send(OURS.send(*sent))
    records = log.records()[1:]
    assert [record.payload for record in records] == sent
    assert len({record.salt for record in records}) == 4
    for record, payload in zip(records, sent, strict=True):
        assert record.salt is not None
        assert record.leaf.commitment == commit(record.salt, payload_bytes(payload))


@pytest.mark.parametrize(
    ("attributes", "finding"),
    [
        ({}, Finding()),
        ({semconv.SUBJECT: "s", semconv.PREDICTION_LABEL: "l", semconv.PREDICTION_SCORE: 0.5}, Finding("s", "l", 0.5)),
        ({semconv.SUBJECT: 1, semconv.PREDICTION_LABEL: True, semconv.PREDICTION_SCORE: 1}, Finding()),
        ({semconv.PREDICTION_SCORE: math.nan}, Finding()),
        ({semconv.PREDICTION_SCORE: math.inf}, Finding(score=math.inf)),
        ({semconv.PREDICTION_SCORE: -0.0, semconv.SUBJECT: ""}, Finding("", score=-0.0)),
        ({semconv.PREDICTION_LABEL: "\0"}, Finding(label="\0")),
        ({semconv.SUBJECT: "0" * 32, semconv.PREDICTION_LABEL: "é"}, Finding("0" * 32, "é")),
        ({semconv.SUBJECT: "A" * 32}, Finding("A" * 32)),
    ],
)  # fmt: skip
def test_what_a_record_is_found_by_survives_the_store(log: Log, attributes: Attributes, finding: Finding) -> None:
    """Strange values of a producer are found or left out, and fsck derives the same rows again."""
    payload = OURS.record(1, "heartbeat", attributes)
    assert find(read_record(payload.span)) == finding
    log.send(OURS.send(OURS.record(0), payload))
    assert log.reader.findings(2, 3) == {2: finding}
    log.check()


@pytest.mark.parametrize("error", [Pushback("full"), Fatal("unknown"), RuntimeError("broken")])
def test_a_commit_that_fails_changes_nothing_in_memory(
    log: Log, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams, head, own sequence numbers and counters are as before; the same exports then succeed."""

    def fails(_: Commit) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(log.writer, "commit", fails)
        for _ in range(2):
            with pytest.raises(type(error)):
                log.committer.commit([OURS.export(0, 1), OURS.export(4), stranger(foreign(1))])
    assert log.committer.frontier.size == 1
    assert log.metrics.registry.get_sample_value("countersign_audit_gaps_total") == 0
    assert group(log, OURS.export(0, 1), OURS.export(4), stranger(foreign(1))) == [[1, 2], [4], [5]]
    log.check()


def test_an_own_record_that_is_refused_is_told(log: Log) -> None:
    """After its end the sidecar's stream takes no more records either."""
    assert isinstance(log.send(OwnRecord("end", {}))[0], Position)
    with pytest.raises(Refused, match="cannot go on"):
        log.send(OwnRecord("heartbeat", {}))


class Late:
    """A writer whose first commit comes too late."""

    def __init__(self, log: Log) -> None:
        self.seen: list[Commit] = []
        self.turn, self._commit = log.writer.turn, log.writer.commit
        self.lead, self.put_checkpoint, self.close = log.writer.lead, log.writer.put_checkpoint, log.writer.close

    def commit(self, commit: Commit) -> None:
        """Fail once."""
        self.seen.append(commit)
        if len(self.seen) == 1:
            raise HeadMoved("somebody was faster")
        self._commit(commit)


def test_no_salt_is_of_two_payloads(log: Log) -> None:
    """What is planned again has the salts of before, but what is made anew for it, which is another payload."""
    late = Late(log)
    log.committer._writer = late
    log.committer.pause = lambda _: None
    log.committer.commit([OURS.export(0, 1, 4), stranger(foreign(1)), OwnRecord("notice", {})])
    first, second = late.seen
    payloads = {(record.salt, payload_bytes(record.payload)) for record in [*first.records, *second.records]}
    assert len({salt for salt, _ in payloads}) == len(payloads)
    again = [one == other for one, other in zip(first.records, second.records, strict=True)]
    assert again == [True, True, False, True, True, False], "all but the gap and the notice"
