# SPDX-License-Identifier: Apache-2.0
"""Plan one commit: exports become records in order, each export whole or not at all. Pure but for look-ups."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from audit_sidecar.errors import AuditError, Conflict, Refused
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.own_stream import PRODUCER, OwnStream
from audit_sidecar.sequence.prediction_run import PredictionRun
from audit_sidecar.sequence.streams import SIDECAR_ONLY, StreamTable, Turn
from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.store import Finding, Gap, NewRecord, StoredRecord, StreamState
from audit_sidecar.tlog.merkle import leaf_hash
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.commitment import commit, fresh_salt, fresh_salts
from contracts.errors import ContractError
from contracts.evidence import Record, check_record, decode_span, read_ids
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf, leaf_text
from contracts.otlp import AttributeValue
from contracts.payload import Payload, PayloadContext, payload_bytes

Outcome = tuple[Position, ...] | AuditError
Seen = NewRecord | StoredRecord

_RECORD_KIND = semconv.RECORD_KIND.encode()
_MOST_COMPARED = 16
"""Versions of one span that a further one is compared with; else a sender could make each cost more than the last."""

ByIds = Callable[[bytes, bytes, int | None, int], Sequence[StoredRecord]]
"""`StoreReader.by_ids`."""


class Counts(NamedTuple):
    """What a plan found, for metrics."""

    duplicates: int = 0
    conflicts: int = 0
    gaps: int = 0
    missing: int = 0


class Plan:
    """Records of one group on top of a log of ``size`` leaves."""

    def __init__(self, size: int, streams: StreamTable, own: OwnStream, by_ids: ByIds) -> None:
        self._size = size
        self._streams = streams
        self._own = own
        self._by_ids = by_ids
        self._in_group: dict[tuple[bytes, bytes, int | None], list[int]] = {}
        self._indexed = 0
        self.records: list[NewRecord] = []
        self.gaps: list[Gap] = []
        self.counts = Counts()

    def add(self, item: Export | OwnRecord, salts: Sequence[bytes] = ()) -> Outcome:
        """Plan one export; on a refusal the plan is as it was before.

        ``salts`` are those of its records, where it was planned before: the same salts give the same records. Records
        of the sidecar's own are made anew each time, with a salt of that time: none is ever of two payloads.
        """
        salts = salts or fresh_salts(item.records)
        marks = len(self.records), len(self.gaps), dict(self._streams.changed), self.counts
        try:
            if isinstance(item, OwnRecord):
                return (self._add_own(item.kind, item.attributes),)
            if item.producer is None:
                return tuple(map(self._place_foreign, item.payloads, salts))
            return tuple(self._place_all(item, item.producer, salts))
        except (Refused, ContractError) as error:
            self._roll_back(*marks)
            if isinstance(error, Conflict):
                self.counts = self.counts._replace(conflicts=self.counts.conflicts + 1)
            return error if isinstance(error, Refused) else Refused(str(error))

    def _roll_back(self, records: int, gaps: int, streams: dict[bytes, StreamState], counts: Counts) -> None:
        for record in self.records[records : self._indexed]:
            self._in_group[_ids(record.leaf)].pop()
        self._indexed = min(self._indexed, records)
        del self.records[records:], self.gaps[gaps:]
        self._streams.changed = streams
        self.counts = counts

    def _place_all(self, export: Export, producer: str, salts: Sequence[bytes]) -> list[Position]:
        facts = export.facts or (None,) * len(export.payloads)
        positions: list[Position] = []
        context: PayloadContext | None = None
        run: PredictionRun | None = None
        for payload, known, salt in zip(export.payloads, facts, salts, strict=True):
            if payload.context is not context:
                context = payload.context
                run = self._other_run(run, context, producer)
            record = None if run is None else run.record(payload, known, salt)
            if record is not None:
                positions.append(self._keep(record))
                continue
            self._end_run(run)
            positions.append(self._place(payload, producer, salt))
            if run is not None:
                run = self._other_run(None, payload.context, producer)
        self._end_run(run)
        return positions

    def _other_run(self, run: PredictionRun | None, context: PayloadContext, producer: str) -> PredictionRun | None:
        self._end_run(run)
        try:
            state = self._streams.ready(context, producer)
        except ContractError:  # not of a stream
            return None
        return None if state is None else PredictionRun(state, self._streams.origin(context))

    def _end_run(self, run: PredictionRun | None) -> None:
        if run is not None:
            self._streams.follow(run.state())

    def _place(self, payload: Payload, producer: str, salt: bytes) -> Position:
        # A span in which the name does not even occur is no record; most foreign spans are told apart by that.
        if _RECORD_KIND not in payload.span:
            return self._place_foreign(payload, salt)
        view = decode_span(payload.span)
        if view.attributes.get(semconv.RECORD_KIND, "span") == "span":
            return self._place_foreign(payload, salt)
        record = check_record(view)
        if producer != PRODUCER and record.kind in SIDECAR_ONLY:
            raise Refused(f"a {record.kind} record is written by the sidecar alone")
        turn = self._streams.judge(record, payload.context, producer)
        if turn is Turn.FOREIGN:
            return self._place_foreign(payload, salt)
        if turn is Turn.REPEAT:
            return self._repeat(record, payload)
        missing = self._streams.advance(record, payload.context, producer)
        if missing:
            self._add_gap(self._streams.origin(payload.context).stream, missing)
        return self._append_record(record, payload, salt)

    def _append_record(self, record: Record, payload: Payload, salt: bytes) -> Position:
        origin, view = self._streams.origin(payload.context), record.span
        leaf = Leaf(
            commit(salt, payload_bytes(payload)), record.kind, view.span_id, view.end, view.trace_id,
            record.request_id, origin.release, record.sequence, origin.stream,
        )  # fmt: skip
        return self._append(leaf, salt, payload, find(record))

    def _add_own(self, kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        state = self._streams.get(self._own.stream)
        payload = self._own.payload(kind, 0 if state is None else state.next_seq, attributes)
        return self._place(payload, PRODUCER, fresh_salt())

    def _add_gap(self, stream: bytes, missing: range) -> None:
        position = self._add_own(
            "gap",
            {
                semconv.TARGET_STREAM: uuid_text(stream),
                semconv.FIRST: missing.start,
                semconv.LAST: missing.stop - 1,
                semconv.COUNT: len(missing),
            },
        )
        self.gaps.append(Gap(position.leaf_index, stream, missing.start, missing.stop - 1))
        self.counts = self.counts._replace(gaps=self.counts.gaps + 1, missing=self.counts.missing + len(missing))

    def _repeat(self, record: Record, payload: Payload) -> Position:
        stream = self._streams.origin(payload.context).stream
        ids = record.span.trace_id, record.span.span_id, record.sequence
        for index, seen in self._seen(self._by_ids(*ids, _MOST_COMPARED), ids):
            if seen.leaf.stream == stream:
                # Once erased there is nothing to compare with; the first acknowledgement still holds.
                if seen.salt is None or _same(seen, payload):
                    self.counts = self.counts._replace(duplicates=self.counts.duplicates + 1)
                    return Position(index, seen.leaf_hash)
                break
        raise Conflict(
            f"record {record.sequence} of stream {uuid_text(stream)} was acknowledged with other content, or as missing"
        )

    def _place_foreign(self, payload: Payload, salt: bytes) -> Position:
        trace, span, time = read_ids(payload.span)
        conflict = False
        stored = self._by_ids(trace, span, None, 1)
        if stored and not _same(stored[0], payload):  # most that come again are the first of their kind
            stored = self._by_ids(trace, span, None, _MOST_COMPARED)
        for index, seen in self._seen(stored, (trace, span, None)):
            if _same(seen, payload):
                self.counts = self.counts._replace(duplicates=self.counts.duplicates + 1)
                return Position(index, seen.leaf_hash)
            conflict = True
        if conflict:
            self.counts = self.counts._replace(conflicts=self.counts.conflicts + 1)
        leaf = Leaf(commit(salt, payload_bytes(payload)), "span", span, time, trace)
        return self._append(leaf, salt, payload, Finding(conflict=conflict))

    def _seen(self, stored: Sequence[StoredRecord], ids: tuple[bytes, bytes, int | None]) -> list[tuple[int, Seen]]:
        found: list[tuple[int, Seen]] = [(record.leaf_index, record) for record in stored]
        planned = self._planned(*ids)[:_MOST_COMPARED]
        return found + [(self._size + at, self.records[at]) for at in planned]

    def _planned(self, trace: bytes, span: bytes, seq: int | None) -> list[int]:
        # Most groups hold no repeat and ask for none, so that records are entered only when somebody asks.
        for at in range(self._indexed, len(self.records)):
            self._in_group.setdefault(_ids(self.records[at].leaf), []).append(at)
        self._indexed = len(self.records)
        return self._in_group.get((trace, span, seq), [])

    def _append(self, leaf: Leaf, salt: bytes, payload: Payload, finding: Finding) -> Position:
        text = leaf_text(leaf)
        return self._keep(NewRecord(leaf, leaf_hash(text), salt, payload, finding, text))

    def _keep(self, record: NewRecord) -> Position:
        self.records.append(record)
        return Position(self._size + len(self.records) - 1, record.leaf_hash)


def foreign_ids(items: Iterable[Export | OwnRecord]) -> list[SpanIds]:
    """What a store will be asked for by its ids when these are planned, but for records that come again."""
    found = []
    for item in items:
        if isinstance(item, OwnRecord) or item.facts is not None:
            continue
        for payload in item.payloads:
            if item.producer is None or _RECORD_KIND not in payload.span:
                with suppress(ContractError):  # which is told of when it is planned
                    found.append(SpanIds(*read_ids(payload.span)[:2]))
    return found


def find(record: Record) -> Finding:
    """What a producer's record is found by; fsck derives index rows with the same function."""
    attributes = record.span.attributes
    subject, label = attributes.get(semconv.SUBJECT), attributes.get(semconv.PREDICTION_LABEL)
    score = attributes.get(semconv.PREDICTION_SCORE)
    return Finding(
        subject if isinstance(subject, str) else None,
        label if isinstance(label, str) else None,
        score if isinstance(score, float) and not math.isnan(score) else None,
    )


def _ids(leaf: Leaf) -> tuple[bytes, bytes, int | None]:
    return leaf.trace, leaf.span, leaf.seq


def _same(seen: Seen, payload: Payload) -> bool:
    return seen.salt is not None and commit(seen.salt, payload_bytes(payload)) == seen.leaf.commitment
