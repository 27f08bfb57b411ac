# SPDX-License-Identifier: Apache-2.0
"""Completeness: what each producer sent, what is missing, how it ended."""

import pytest

from audit_sidecar.query.completeness import HEARTBEAT_SECONDS, StreamReport, report
from contracts.identifiers import uuid_text
from contracts.timestamps import format_time
from tests.audit_sidecar.producers import SECOND, START, Log, Producer

OURS = Producer()
SILENT = 3 * HEARTBEAT_SECONDS * SECOND


def of(log: Log, start: int | None = None, stop: int | None = None, now: int = START) -> StreamReport | None:
    """Our stream's report."""
    found = [s for s in report(log.reader, start, stop, now).streams if s.stream == uuid_text(OURS.stream)]
    return found[0] if found else None


def missing(log: Log, start: int | None = None, stop: int | None = None) -> tuple[int, list[tuple[int, int]]]:
    """How many are missing, and which."""
    found = of(log, start, stop)
    assert found is not None
    return found.missing, [(gap.first, gap.last) for gap in found.gaps]


def test_a_stream_that_ended_is_clean(log: Log) -> None:
    """However long ago; everything a reader needs to know is said."""
    log.send(OURS.send(*(OURS.record(seq) for seq in range(3)), OURS.record(3, "end")))
    found = of(log, now=START + 10 * SILENT)
    assert found == StreamReport(
        stream=uuid_text(OURS.stream), producer="unix", release="cd" * 32, model_id="telecom-churn",
        model_version="1.0.0", first=0, last=3, count=4, missing=0, gaps=[], end="clean",
        first_time=format_time(START), last_time=format_time(START + 3 * SECOND),
    )  # fmt: skip


@pytest.mark.parametrize(("later", "end"), [(0, "open"), (SILENT, "open"), (SILENT + 1, "ended without end")])
def test_a_silent_stream_ended_without_end(log: Log, later: int, end: str) -> None:
    """After three heartbeats; a clock that stepped back makes nobody silent."""
    log.send(OURS.export(0, 1))
    found = of(log, now=START + SECOND + later)
    assert found is not None
    assert found.end == end
    earlier = of(log, now=START - 10 * SILENT)
    assert earlier is not None
    assert earlier.end == "open"


def test_an_empty_period_is_complete(log: Log) -> None:
    """There is nothing to miss; the size says what was looked at."""
    log.send(OURS.export(0, 5))
    found = report(log.reader, START - 10, START - 5, START)
    assert (found.complete, found.streams, found.size) == (True, [], 4)


def test_a_hole_in_the_middle_is_named(log: Log) -> None:
    """Its numbers and the leaf that says so; the log is not complete."""
    log.send(OURS.export(0, 1, 4, 5))
    assert missing(log) == (2, [(2, 3)])
    found = of(log)
    assert found is not None
    (gap,) = found.gaps
    assert log.records()[gap.index].leaf.kind == "gap"
    assert not report(log.reader, None, None, START).complete


def test_a_missing_beginning_is_named(log: Log) -> None:
    """Although no record stands before it."""
    log.send(OURS.export(3, 4))
    assert missing(log) == (3, [(0, 2)])
    assert not report(log.reader, None, None, START).complete


def test_several_holes_are_added_up(log: Log) -> None:
    """At the beginning and in the middle."""
    log.send(OURS.export(2, 3, 6, 10))
    assert missing(log) == (2 + 2 + 3, [(0, 1), (4, 5), (7, 9)])


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (None, 2, (0, [])), (None, 3, (0, [])), (1, 6, (2, [(2, 3)])), (4, 6, (0, [])), (5, None, (1, [(6, 6)])),
        (0, 8, (3, [(2, 3), (6, 6)])),
    ],
)  # fmt: skip
def test_a_period_counts_the_holes_inside_it(
    log: Log, start: int | None, stop: int | None, expected: tuple[int, list[tuple[int, int]]]
) -> None:
    """Between its first and its last record; a hole at its edge belongs to a longer period."""
    log.send(OURS.export(0, 1, 4, 5, 7))
    bounds = [None if at is None else START + at * SECOND for at in (start, stop)]
    assert missing(log, *bounds) == expected


def test_a_clock_of_another_age_hides_nothing(log: Log) -> None:
    """A producer whose clock stands beyond 2262 is in the report like every other."""
    log.send(OURS.send(OURS.record(0, end=1 << 63), OURS.record(2, end=(1 << 64) - 1)))
    assert missing(log) == (1, [(1, 1)])


def test_the_sidecars_own_stream_is_reported_too(log: Log) -> None:
    """It is a producer like every other."""
    log.reload()
    streams = report(log.reader, None, None, START).streams
    assert [stream.producer for stream in streams] == ["sidecar", "sidecar"]
