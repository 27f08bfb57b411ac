# SPDX-License-Identifier: Apache-2.0
"""What each producer sent and what is missing: sequence numbers in the service against records in the log."""

from typing import Final

import msgspec

from audit_sidecar.stores.store import StoreReader, StreamCount
from contracts.identifiers import uuid_text
from contracts.timestamps import format_time

HEARTBEAT_SECONDS: Final = 60
_SILENT_AFTER: Final = 3 * HEARTBEAT_SECONDS * 1_000_000_000


class MissingRange(msgspec.Struct, frozen=True):
    """Sequence numbers that never came; ``index`` is the leaf of the gap record that says so."""

    first: int
    last: int
    index: int


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """One producer process. ``end`` is ``clean``, ``open``, or ``ended without end`` after three silent heartbeats."""

    stream: str
    producer: str
    release: str
    model_id: str | None
    model_version: str | None
    first: int
    last: int
    count: int
    missing: int
    gaps: list[MissingRange]
    end: str
    first_time: str
    last_time: str


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """``complete`` means: every stream of the period is without holes. It speaks of producers that wrote at all."""

    complete: bool
    size: int
    streams: list[StreamReport]


def report(reader: StoreReader, start: int | None, stop: int | None, now: int) -> Completeness:
    """The report over records that ended in [start, stop), unix nanoseconds; None = unbounded."""
    whole = start is None and stop is None
    streams = [_stream_report(reader, counted, now, whole) for counted in reader.stream_counts(start, stop)]
    return Completeness(
        complete=all(stream.missing == 0 for stream in streams),
        size=reader.frontier().size,
        streams=streams,
    )


def _stream_report(reader: StoreReader, counted: StreamCount, now: int, whole: bool) -> StreamReport:
    state = counted.state
    gaps = [
        MissingRange(gap.first, gap.last, gap.leaf_index)
        for gap in reader.gaps(state.stream)
        if gap.last >= counted.first and gap.first <= counted.last
    ]
    if whole:
        missing = counted.last - counted.first + 1 - counted.records
    else:
        # Rows of a batch end before they are sent, and clocks step: records between the first and the last of a period
        # may lie outside it. What never came has a gap record, written in the commit that skipped it.
        missing = sum(min(gap.last, counted.last) - max(gap.first, counted.first) + 1 for gap in gaps)
    # A stream whose beginning is missing has a gap before its first record, which the span above cannot show.
    opening = next((gap for gap in reader.gaps(state.stream) if gap.first == 0), None)
    if opening is not None and opening.last + 1 == counted.first:
        missing += opening.last + 1
        gaps.insert(0, MissingRange(opening.first, opening.last, opening.leaf_index))
    if state.ended:
        end = "clean"
    else:
        end = "ended without end" if now - state.last_time > _SILENT_AFTER else "open"
    return StreamReport(
        stream=uuid_text(state.stream),
        producer=state.producer,
        release=state.release.hex(),
        model_id=state.model_id,
        model_version=state.model_version,
        first=counted.first,
        last=counted.last,
        count=counted.records,
        missing=missing,
        gaps=gaps,
        end=end,
        first_time=format_time(state.first_time),
        last_time=format_time(state.last_time),
    )
