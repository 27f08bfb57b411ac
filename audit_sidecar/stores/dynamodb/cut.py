# SPDX-License-Identifier: Apache-2.0
"""Cut a commit into pieces that each fit into one item, so that the log is whole and goes on after any of them.

A stream moves with the piece that holds its records: an export of which a part was kept is told apart when it is
planned again. A gap's record stands in one piece with the record that it precedes.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from audit_sidecar.stores.dynamodb.blob import PART_BYTES
from audit_sidecar.stores.dynamodb.commit_item import MOST_BYTES, CommitItem
from audit_sidecar.stores.store import Commit, NewRecord, StreamState, Subtree

MOST_RECORDS: Final = 2_000
MOST_RESOURCE: Final = 160_000
"""Bytes of a stream's Resource and scope: each commit that moves the stream has them, with the model's name again."""
_LEAF, _PART, _STREAM = 160, 48, 256
"""Bytes that each takes at most, its texts aside; compression only makes it less."""
_BUDGET: Final = MOST_BYTES - 8_192


class Piece(NamedTuple):
    """An item without its groups, and the records that it is of."""

    item: CommitItem
    records: Sequence[NewRecord]


def cut(commit: Commit, head: CommitItem, by: bytes) -> Iterator[Piece]:
    """The pieces of a commit on top of ``head``, in order; one without records where the commit has none."""
    final = {state.stream: state for state in commit.streams}
    last = {record.leaf.stream: at for at, record in enumerate(commit.records)}
    low, count, item = 0, len(commit.records), head
    while True:
        high = _end_of_piece(commit.records, low, final)
        records, ends = commit.records[low:high], high == count
        frontier, kinds = item.frontier.copy(), dict(item.kinds)
        for record in records:
            frontier.append(record.leaf_hash)
            kinds[record.leaf.kind] = kinds.get(record.leaf.kind, 0) + 1
        start, stop = item.size, frontier.size
        moved = _moved(records, low, final, last)
        item = CommitItem(
            n=item.n + 1,
            start=start,
            frontier=commit.frontier if ends else frontier,
            leaves=tuple(record.leaf for record in records),
            streams=tuple(moved.values()),
            gaps=tuple(gap for gap in commit.gaps if start <= gap.leaf_index and (ends or gap.leaf_index < stop)),
            subtrees=tuple(s for s in commit.subtrees if start < completed_at(s) and (ends or completed_at(s) <= stop)),
            groups=(),
            kinds=kinds,
            by=by,
        )
        yield Piece(item, records)
        if ends:
            return
        low = high


def completed_at(subtree: Subtree) -> int:
    """The size of the log that completes the subtree."""
    return (subtree.position + 1) << subtree.level


def _end_of_piece(records: Sequence[NewRecord], low: int, final: dict[bytes, StreamState]) -> int:
    size, streams = 0, set[bytes]()
    for at in range(low, min(low + MOST_RECORDS, len(records))):
        record = records[at]
        stream = final.get(record.leaf.stream or b"")
        size += _LEAF + _PART * (1 + len(record.payload.span) // PART_BYTES)
        if stream is not None and stream.stream not in streams:
            streams.add(stream.stream)
            size += _STREAM + sum(len(part) for part in stream.context if part is not None)
        if size > _BUDGET and at > low:
            return _before_gap(records, low, at)
    if low + MOST_RECORDS >= len(records):
        return len(records)
    return _before_gap(records, low, low + MOST_RECORDS)


def _before_gap(records: Sequence[NewRecord], low: int, high: int) -> int:
    return high - 1 if records[high - 1].leaf.kind == "gap" and high - 1 > low else high


def _moved(
    records: Sequence[NewRecord], low: int, final: dict[bytes, StreamState], last: dict[bytes | None, int]
) -> dict[bytes, StreamState]:
    """Streams as they stand after these records; one of which there is none here has not moved."""
    moved: dict[bytes, StreamState] = {}
    for at, record in enumerate(records, start=low):
        leaf = record.leaf
        state = None if leaf.stream is None else final.get(leaf.stream)
        if state is None:
            continue
        if at < last[leaf.stream]:
            state = state._replace(next_seq=(leaf.seq or 0) + 1, last_time=leaf.time, ended=leaf.kind == "end")
        moved[state.stream] = state
    return moved
