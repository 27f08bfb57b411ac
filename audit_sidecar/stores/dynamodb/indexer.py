# SPDX-License-Identifier: Apache-2.0
"""Make the index follow the log, segment after segment. Whatever is done twice comes out the same.

Every item follows from the log alone and is added if it is not there, so several indexers, or one that was interrupted,
do no harm. How far the index has come is said last, and never goes back. Memory is bounded by a segment, and by a block
when its subjects are brought together.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Final

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.commit_item import write_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.packed import OfSubject, unpack_subjects
from audit_sidecar.stores.dynamodb.reader import DynamoReader
from audit_sidecar.stores.dynamodb.requests import STATEMENTS, ConditionFailed, Item, Requests
from audit_sidecar.stores.dynamodb.rows import Row, rows_of, subject_rows
from audit_sidecar.stores.dynamodb.segments import Covered, Segment, covered, next_segment, read_place
from audit_sidecar.stores.index import Lag
from audit_sidecar.stores.store import StreamState

_AT_ONCE: Final = 4


class DynamoIndexer:
    """Writes the index of one log. Use from one thread."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._reader = DynamoReader(requests, commits)
        self._state = requests.location.state

    def catch_up(self, most: int = 16) -> Lag:
        """Index up to so many segments; what is still to do. Pushback or StoreAway when the store says no."""
        head = self._commits.newest()
        done = covered(self._requests)
        for _ in range(most):
            segment = self._next(done, head.n)
            if segment is None:
                break
            done = self._index(segment, done)
        size = self._commits.numbered(done.n).size
        return Lag(head.n - done.n if self._next(done, head.n) else 0, head.size - size)

    def _next(self, done: Covered, head: int) -> Segment | None:
        return next_segment(done.segments, self._commits.numbers(done.n + 1, head))

    def _index(self, segment: Segment, done: Covered) -> Covered:
        last = segment.last
        self._insert(rows_of(segment, self._reader.findings(segment.first.start, last.size)))
        done = Covered(last.n, segment.number + 1, done.merged)
        if segment.completes_block:
            self._merge(segment)
            done = done._replace(merged=last.n)
        moved = {state.stream: (item.n, state) for item in segment.items for state in item.streams}
        with ThreadPoolExecutor(_AT_ONCE, "index") as pool:
            list(pool.map(self._put_stream, moved.values()))
        with suppress(ConditionFailed):  # another indexer came further
            condition = "attribute_not_exists(#a0) OR #a0 < :n"
            self._requests.update(self._state, keys.INDEXED, done.item(), condition, n={"N": str(last.n)})
        return done

    def _merge(self, last: Segment) -> None:
        """Bring together what the segments of a block say of subjects, in more partitions with as much in each."""
        rows = self._requests.query(
            self._state, "pk = :pk AND sk <= :sk", {":pk": {"S": keys.AT}, ":sk": {"S": last.place}},
            pages=False, ScanIndexForward=False, Limit=segments.SHAPE.block,
        )  # fmt: skip
        place = [row["sk"]["S"] for row in rows][-1]
        start, _ = read_place(place)
        entries: list[OfSubject] = []
        for bucket in range(1 << keys.SEGMENT_BITS):
            pk = keys.by_subject(bucket << (32 - keys.SEGMENT_BITS), keys.SEGMENT_BITS)
            values = {":pk": {"S": pk}, ":low": {"S": place}, ":high": {"S": f"{last.place}#~"}}
            for row in self._requests.query(self._state, "pk = :pk AND sk BETWEEN :low AND :high", values):
                shift = read_place(row["sk"]["S"])[0] - start
                found = unpack_subjects(bytes(row["found"]["B"]))
                entries += (OfSubject(digest, leaf + shift) for digest, leaf in found)
        self._insert(subject_rows(place, last.last.n, sorted(entries, key=_leaf_of), keys.BLOCK_BITS))

    def _insert(self, rows: Iterable[Row]) -> None:
        items = sorted((row.item() for row in rows), key=_names_of)
        # Of one shape each, so that the service sees few different statements.
        batches = [
            alike[low : low + STATEMENTS]
            for _, same in groupby(items, _names_of)
            for alike in (list(same),)
            for low in range(0, len(alike), STATEMENTS)
        ]
        put = partial(self._requests.insert_missing, self._state)
        with ThreadPoolExecutor(_AT_ONCE, "index") as pool:
            list(pool.map(put, batches))

    def _put_stream(self, moved: tuple[int, StreamState]) -> None:
        n, state = {"N": str(moved[0])}, moved[1]
        values: Item = {"state": {"B": write_stream(state)}, "n": n}
        with suppress(ConditionFailed):  # it was indexed further along before
            self._requests.update(
                self._state,
                keys.key(keys.stream(state.stream)),
                values,
                "attribute_not_exists(#a1) OR #a1 <= :n",
                n=n,
            )


def _leaf_of(entry: OfSubject) -> int:
    return entry.leaf


def _names_of(item: Item) -> list[str]:
    return list(item)
