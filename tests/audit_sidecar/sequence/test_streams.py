# SPDX-License-Identifier: Apache-2.0
"""The rules of a stream: who may write what next, what is a repeat, what is missing."""

import pytest

from audit_sidecar.errors import Conflict, Refused
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.streams import SIDECAR_ONLY
from audit_sidecar.stores.store import Gap
from contracts import semconv
from contracts.evidence import read_record
from contracts.identifiers import uuid_text
from contracts.payload import Payload
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger

OURS = Producer()
END = OURS.record(3, "end")


def kinds_of(log: Log, *exports: Export) -> list[str]:
    """The kinds that the exports added, or ``refused`` where one was."""
    found: list[str] = []
    for export in exports:
        before = log.reader.frontier().size
        try:
            log.send(export)
        except Refused:
            assert log.reader.frontier().size == before, "a refusal keeps nothing"
            found.append("refused")
        found += [record.leaf.kind for record in log.records()[before:]]
    return found


CASES: dict[str, tuple[list[Export], list[str]]] = {
    "in order": ([OURS.export(0, 1), OURS.export(2)], ["release", "prediction", "prediction"]),
    "one by one in one export": ([OURS.export(*range(6))], ["release", *["prediction"] * 5]),
    "opens with another kind": ([OURS.send(OURS.record(0, "heartbeat"))], ["refused"]),
    "opens with its release, but later": ([OURS.send(OURS.record(4, "release"))], ["refused"]),
    "opens in the middle": ([OURS.export(5)], ["gap", "prediction"]),
    "a notice": ([OURS.export(0), OURS.send(OURS.record(1, "notice"))], ["release", "notice"]),
    "a hole": ([OURS.export(0), OURS.export(3)], ["release", "gap", "prediction"]),
    "a hole inside an export": ([OURS.export(0, 2)], ["release", "gap", "prediction"]),
    "two holes": ([OURS.export(0, 2, 3, 6)], ["release", *["gap", "prediction", "prediction"], "gap", "prediction"]),
    "a repeat": ([OURS.export(0, 1), OURS.export(0, 1)], ["release", "prediction"]),
    "a repeat inside an export": ([OURS.export(0, 1, 1, 0)], ["release", "prediction"]),
    "a repeat that goes on": ([OURS.export(0, 1), OURS.export(1, 2)], ["release", "prediction", "prediction"]),
    "other content": ([OURS.export(0, 1), OURS.send(OURS.record(1, "heartbeat"))],
                      ["release", "prediction", "refused"]),
    "a missing one comes late": ([OURS.export(0, 2), OURS.export(1)], ["release", "gap", "prediction", "refused"]),
    "a second release": ([OURS.export(0, 1), OURS.send(OURS.record(2, "release"))],
                         ["release", "prediction", "refused"]),
    "after the end": ([OURS.export(0), OURS.send(END), OURS.export(4)], ["release", "gap", "end", "refused"]),
    "the end again": ([OURS.export(0, 1, 2), OURS.send(END), OURS.send(END), OURS.export(1)],
                      ["release", "prediction", "prediction", "end"]),
    "another Resource": ([OURS.export(0), Producer(model="other").export(1)], ["release", "refused"]),
    "another scope": ([OURS.export(0), OURS.send(Payload(OURS.context._replace(scope=b""), OURS.record(1).span))],
                      ["release", "refused"]),
    "another producer": ([OURS.export(0), Producer(name="other").export(1), OURS.export(1)],
                         ["release", "span", "prediction"]),
    "another producer repeats": ([OURS.export(0, 1), Producer(name="other").export(0, 1)],
                                 ["release", "prediction", "span", "span"]),
    "another stream of the same producer": ([OURS.export(0), Producer(2).export(0)], ["release", "release"]),
    "a stranger with a producer's records": ([stranger(OURS.record(0), OURS.record(1)), OURS.export(0, 1)],
                                             ["span", "span", "release", "prediction"]),
    "a stranger goes on with a stream": ([OURS.export(0), stranger(OURS.record(1)), OURS.export(1)],
                                         ["release", "span", "prediction"]),
    "a producer's foreign span": ([OURS.export(0), OURS.send(foreign(1)), OURS.export(1)],
                                  ["release", "span", "prediction"]),
    "no sequence number": ([OURS.send(Payload(OURS.context, OURS.record(0).span[:-20]))], ["refused"]),
    "no ids": ([stranger(Payload(OURS.context, b""))], ["refused"]),
    "no stream": ([OURS.send(OURS.record(0)._replace(context=foreign(0).context))], ["refused"]),
    "the last number there can be": ([OURS.export(0), OURS.send(OURS.record((1 << 63) - 2, "heartbeat", end=5))],
                                     ["release", "gap", "heartbeat"]),
    "a number beyond": ([OURS.export(0), OURS.send(OURS.record((1 << 63) - 1, "heartbeat", end=5)), OURS.export(1)],
                        ["release", "refused", "prediction"]),
}  # fmt: skip


@pytest.mark.parametrize(("exports", "kinds"), CASES.values(), ids=CASES.keys())
def test_a_stream_keeps_its_rules(log: Log, exports: list[Export], kinds: list[str]) -> None:
    """Each case alone; whatever was refused or kept, the store stays sound."""
    assert kinds_of(log, *exports) == kinds
    log.check()


@pytest.mark.parametrize("kind", sorted(SIDECAR_ONLY))
@pytest.mark.parametrize("seq", [0, 1])
def test_what_the_log_says_of_itself_no_producer_writes(log: Log, kind: str, seq: int) -> None:
    """Refused in any place of any stream; a stranger's becomes a foreign span like every other."""
    log.send(OURS.export(*range(seq)))
    forged = OURS.record(seq, kind)
    with pytest.raises(Refused, match=r"sidecar alone|starts with"):
        log.send(OURS.send(forged))
    log.send(stranger(forged))
    assert log.kinds()[-1] == "span"
    assert log.reader.gaps(OURS.stream) == []


def test_nobody_goes_on_with_the_sidecars_own_stream(log: Log) -> None:
    """Its records belong to it, whatever name a producer comes with."""
    own = log.records()[0]
    assert own.payload is not None
    log.send(Export("sidecar-2", (own.payload,), 0))
    assert log.kinds() == ["release", "span"]


@pytest.mark.parametrize("first", [0, 3])
def test_a_gap_says_whose_and_which(log: Log, first: int) -> None:
    """The record, the index row and the counters name stream, first and last."""
    log.send(OURS.export(*range(first)))
    log.send(OURS.export(first + 4))
    (gap,) = log.reader.gaps(OURS.stream)
    record = log.records()[gap.leaf_index]
    assert gap == Gap(gap.leaf_index, OURS.stream, first, first + 3)
    assert (record.leaf.kind, record.leaf.stream) == ("gap", log.own.stream)
    assert record.payload is not None
    attributes = read_record(record.payload.span).span.attributes
    assert attributes[semconv.TARGET_STREAM] == uuid_text(OURS.stream)
    assert [attributes[name] for name in (semconv.FIRST, semconv.LAST, semconv.COUNT)] == [first, first + 3, 4]
    assert log.metrics.registry.get_sample_value("countersign_audit_gaps_total") == 1
    assert log.metrics.registry.get_sample_value("countersign_audit_missing_records_total") == 4


def test_the_sidecars_own_stream_has_no_holes(log: Log) -> None:
    """Own records and gap records share it, contiguous, through refusals and a restart, which begins another."""
    first = log.own.stream
    log.send(OWN)
    for seq in (0, 2, 4):
        log.send(OURS.export(seq))
    with pytest.raises(Refused):
        log.send(OURS.send(OURS.record(9), OURS.record(6, "release")))
    log.send(OWN)
    log.reload()
    log.send(OWN)
    for stream, count in ((first, 5), (log.own.stream, 2)):
        own = [record.leaf for record in log.records() if record.leaf.stream == stream]
        assert [leaf.seq for leaf in own] == list(range(count))
        assert own[0].kind == "release"


OWN = OwnRecord("heartbeat", {})


def test_a_repeat_gets_the_numbers_of_the_first(log: Log) -> None:
    """Index and hash, after a restart too, and once the payload is erased, when nothing is left to compare."""
    positions = log.send(OURS.export(0, 1, 2))
    assert log.send(OURS.export(0, 1, 2)) == positions
    log.reload()
    assert log.send(OURS.export(2, 1)) == positions[:0:-1]
    log.writer._connection.execute("DELETE FROM payload WHERE leaf_index = ?", (positions[1].leaf_index,))  # type: ignore[attr-defined]  # no program erases yet
    assert log.send(OURS.export(1)) == positions[1:2]
    assert log.send(OURS.send(OURS.record(1, "prediction", {"more": 1}))) == positions[1:2]
    with pytest.raises(Conflict, match="other content"):
        log.send(OURS.send(OURS.record(2, "prediction", {"more": 1})))
    assert log.metrics.registry.get_sample_value("countersign_audit_conflicts_total") == 1
