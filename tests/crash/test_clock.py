# SPDX-License-Identifier: Apache-2.0
"""A wall clock that steps back, or far ahead: times in records are claims, and order is the log's own."""

import itertools
from pathlib import Path
from unittest.mock import patch

import pytest

from audit_sidecar.query.completeness import report
from audit_sidecar.sequence.export import OwnRecord
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.stores.store import Search
from contracts.identifiers import IdSource
from contracts.release import Release
from tests.audit_sidecar.producers import SECOND, START, Producer, new_log

HOUR = 3600 * SECOND


def test_a_clock_that_steps_back_reorders_nothing(tmp_path: Path) -> None:
    """Records keep the order in which they came, none is a gap, the log is sound, and each is found by its own time."""
    log, producer = new_log(tmp_path), Producer()
    times = [START + number * SECOND - (HOUR if number >= 5 else 0) for number in range(10)]
    for seq, end in enumerate(times):
        log.send(producer.send(producer.record(seq, end=end)))
    assert [r.leaf.seq for r in log.records() if r.leaf.stream == producer.stream] == list(range(10))
    log.check()
    early = log.reader.search(Search(start=START - HOUR, stop=START), 100)
    assert [record.leaf.seq for record, _ in early] == [9, 8, 7, 6, 5]


@pytest.mark.parametrize(
    ("start", "stop"), [(None, None), (START, None), (None, START), (START + SECOND, START + 4 * SECOND)]
)
def test_no_period_makes_a_hole_of_a_step(tmp_path: Path, start: int | None, stop: int | None) -> None:
    """A period that holds only some records of a stream, in whatever order they ended, reports no record as missing."""
    log, producer = new_log(tmp_path), Producer()
    # As in a service: a batch's rows end early and are sent late, among predictions that ended after them.
    times = [START, START + 9 * SECOND, START + SECOND, START + 8 * SECOND, START - HOUR, START + 2 * SECOND]
    for seq, end in enumerate(times):
        log.send(producer.send(producer.record(seq, end=end)))
    found = [s for s in report(log.reader, start, stop, START + HOUR).streams if s.producer == producer.name]
    assert [stream.missing for stream in found] in ([0], [])


def test_a_hole_is_still_a_hole_in_every_period(tmp_path: Path) -> None:
    """What never came is missing in each period that reaches across it."""
    log, producer = new_log(tmp_path), Producer()
    for seq in (0, 1, 4, 5):
        log.send(producer.export(seq))
    for start, stop in ((None, None), (START, None), (START + SECOND, START + 5 * SECOND)):
        (found,) = [s for s in report(log.reader, start, stop, START + HOUR).streams if s.producer == producer.name]
        assert found.missing == 2
        assert [(gap.first, gap.last) for gap in found.gaps] == [(2, 3)]


def test_the_sidecars_own_records_survive_a_step(tmp_path: Path) -> None:
    """Heartbeats before and after the step are one stream without a hole, and ids still grow."""
    log = new_log(tmp_path)
    ticks = itertools.chain([START + HOUR], itertools.count(START - HOUR, SECOND))
    log.own.__dict__.update(OwnStream(Release(), "0.1.0", IdSource(), lambda: next(ticks)).__dict__ | {
        "stream": log.own.stream, "_context": log.own._context
    })  # fmt: skip
    for _ in range(5):
        log.send(OwnRecord("heartbeat", {}))
    log.check()
    (own,) = report(log.reader, None, None, START + HOUR).streams
    assert (own.missing, own.count) == (0, 6)


def test_ids_grow_whatever_the_clock_does() -> None:
    """A request id made after the step sorts behind those made before it."""
    ids = IdSource()
    clock = [START, START - HOUR, START - HOUR, START + 1, 0, START + HOUR]
    with patch("contracts.identifiers.time.time_ns", side_effect=clock):
        made = [ids.request_id() for _ in clock]
    assert made == sorted(set(made))
