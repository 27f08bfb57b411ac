# SPDX-License-Identifier: Apache-2.0
"""Read the log from DynamoDB: what the index covers is found there, the rest is read from the log itself.

Every read asks for what the last acknowledged write left. A record is rebuilt from its commit and its blob; whether it
is what was acknowledged is checked by whoever shows it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from audit_sidecar.errors import Pushback, StoreRefused
from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.blob import Kept, read_blob
from audit_sidecar.stores.dynamodb.check import faults
from audit_sidecar.stores.dynamodb.checkpoint_item import read_checkpoint
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, Group
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.lookups import Lookups
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.dynamodb.search import matches, newest_first
from audit_sidecar.stores.store import (
    Finding,
    Gap,
    Search,
    SignedCheckpoint,
    StoredRecord,
    StreamCount,
    StreamState,
)
from audit_sidecar.tlog.merkle import Frontier, leaf_hash
from contracts.leaf import leaf_text

Found = tuple[StoredRecord, Finding]
_GONE: Final = (None, None, Finding())
_AT_ONCE: Final = 4_096
"""Records whose blobs are asked for together."""


class DynamoReader:
    """`StoreReader` over the three tables. Safe for several threads."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._lookups = Lookups(requests, commits)
        self._tables = requests.location

    @property
    def shared(self) -> tuple[Requests, Commits]:
        """What a writer of this process goes on from."""
        return self._requests, self._commits

    def origin(self) -> str:
        """The log's name."""
        return self._commits.origin

    def frontier(self) -> Frontier:
        """Right edge of the tree, with its size; of what the log holds now, were it less than before."""
        return self._commits.verify().frontier.copy()

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint, or None before the first."""
        held = self._requests.get(self._tables.state, keys.CHECKPOINT)
        return None if held is None else read_checkpoint(held)

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes of [start, stop); shorter when the log ends before."""
        self._commits.refresh()
        recent = self._commits.recent()
        found: list[bytes] = []
        for item in self._commits.covering(start, stop):
            hashes = recent.leaf_hashes(item)
            found += hashes[max(0, start - item.start) : max(0, stop - item.start)]
        return found

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop) at a level that is a multiple of 8, above 0."""
        self._commits.refresh()
        return self._lookups.subtrees(level, start, stop)

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order, some commits at a time."""
        return (record for record, _ in self._between(start, stop))

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""
        self._commits.refresh()
        return self._at(self._lookups.traced(trace))

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""
        if seq is not None or not self._lookups.is_expected(SpanIds(trace, span)):
            self._commits.refresh()
        found = self._at(self._lookups.identified(trace, span, seq, limit))
        return [r for r in found if (r.leaf.trace, r.leaf.span, r.leaf.seq) == (trace, span, seq)]

    def expect(self, spans: Sequence[SpanIds]) -> None:
        """This thread asks `by_ids` for these foreign spans next: they are looked up at once, 100 in a request."""
        try:
            if not self._commits.planning:
                self._commits.follow()
                self._commits.forget()
            self._lookups.expect(spans)
        except StoreRefused as error:
            raise Pushback(str(error)) from error

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""
        self._commits.refresh()
        return self._at(self._lookups.about(request_id))

    def search(self, search: Search, limit: int) -> list[tuple[StoredRecord, Finding]]:
        """Matching records, newest first."""
        self._commits.refresh()
        found: list[tuple[StoredRecord, Finding]] = []
        for record, finding in self._matching(search):
            found.append((record, finding))
            if len(found) == limit:
                break
        return found

    def count(self, search: Search) -> int:
        """How many records match, ``before`` aside."""
        head = self._commits.refresh()
        if search == Search(kind=search.kind, before=search.before, size=search.size):
            return self._count_kind(search.kind, head.size if search.size is None else min(search.size, head.size))
        return sum(1 for _ in self._matching(search._replace(before=None)))

    def stream(self, stream: bytes) -> StreamState | None:
        """One stream."""
        self._commits.refresh()
        return self._lookups.stream(stream)

    def first_record(self, stream: bytes) -> StoredRecord | None:
        """The record that opened a stream: its release, unless the beginning is missing."""
        if self.stream(stream) is None:
            return None
        for item in self._lookups.sent(stream):
            for index, leaf in enumerate(item.leaves, start=item.start):
                if leaf.stream == stream:
                    return self._at([index])[0]
        return None

    def stream_counts(self, start: int | None, stop: int | None) -> list[StreamCount]:
        """Every stream with records that ended in the period, oldest first."""
        self._commits.refresh()
        found: list[StreamCount] = []
        for state in sorted(self._lookups.streams(), key=lambda state: (state.first_time, state.stream)):
            numbers = [
                leaf.seq
                for item in self._lookups.sent(state.stream)
                for leaf in item.leaves
                if leaf.stream == state.stream and leaf.seq is not None
                if (start is None or leaf.time >= start) and (stop is None or leaf.time < stop)
            ]
            if numbers:
                found.append(StreamCount(state, min(numbers), max(numbers), len(numbers)))
        return found

    def findings(self, start: int, stop: int) -> dict[int, Finding]:
        """What records of [start, stop) can be found by, as it is kept beside their payloads, for fsck."""
        return {record.leaf_index: finding for record, finding in self._between(start, stop)}

    def strays(self) -> list[str]:
        """What does not follow from the leaves, in words: of commits, of the index, of blobs."""
        self._commits.verify()
        return list(faults(self._requests, self._commits, self._between))

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        self._commits.refresh()
        return self._lookups.gaps(stream)

    def _matching(self, search: Search) -> Iterator[tuple[StoredRecord, Finding]]:
        for item, indexes in newest_first(self._lookups, search):
            for record, finding in reversed(list(self._of([(item, indexes)]))):
                if matches(search, record, finding, self._stream_of(record, search)):
                    yield record, finding

    def _stream_of(self, record: StoredRecord, search: Search) -> StreamState | None:
        if record.leaf.stream is None or (search.model is None and search.version is None):
            return None
        return self._lookups.stream(record.leaf.stream)

    def _count_kind(self, kind: str | None, size: int) -> int:
        if kind is None or size == 0:
            return size
        item = next(self._commits.backwards(size))
        beyond = sum(leaf.kind == kind for leaf in item.leaves[size - item.start :])
        return item.kinds.get(kind, 0) - beyond

    @property
    def _remembers(self) -> bool:
        return self._commits.planning or self._commits.expecting

    def _at(self, indexes: Sequence[int]) -> list[StoredRecord]:
        """Records at these leaves, in order."""
        wanted: dict[int, tuple[CommitItem, list[int]]] = {}
        for index in indexes:
            for item in self._commits.covering(index, index + 1):
                wanted.setdefault(item.n, (item, []))[1].append(index)
        return [record for record, _ in self._of(list(wanted.values()))]

    def _between(self, start: int, stop: int) -> Iterator[Found]:
        self._commits.refresh()
        some: list[tuple[CommitItem, Sequence[int]]] = []
        for item in self._commits.covering(start, stop):
            some.append((item, range(max(start, item.start), min(stop, item.size))))
            if sum(len(wanted) for _, wanted in some) >= _AT_ONCE:
                yield from self._of(some)
                some = []
        yield from self._of(some)

    def _of(self, wanted: Sequence[tuple[CommitItem, Sequence[int]]]) -> Iterator[Found]:
        """Records of some commits, in that order, with what they are found by; their blobs are asked for at once."""
        blobs = self._blobs([group for item, indexes in wanted for group, _ in _groups(item, indexes)])
        for item, indexes in wanted:
            kept: dict[int, Kept] = {}
            for group, first in _groups(item, indexes):
                for index, one in enumerate(blobs[group.parts], start=first):
                    if one is not None:
                        kept[index] = one
            for index in indexes:
                leaf = item.leaves[index - item.start]
                salt, payload, finding = kept.get(index, _GONE)
                yield StoredRecord(index, leaf, leaf_hash(leaf_text(leaf)), salt, payload), finding

    def _blobs(self, groups: Sequence[Group]) -> Mapping[tuple[str, ...], list[Kept | None]]:
        found = self._commits.remembered(self._commits.recent()).blobs if self._remembers else {}
        missing = [group for group in groups if group.parts not in found]
        names = dict.fromkeys(part for group in missing for part in group.parts)
        items = self._requests.get_many(self._tables.payload, [{"key": {"S": name}} for name in names])
        parts = {item["key"]["S"]: bytes(item["blob"]["B"]) for item in items}
        found |= {group.parts: _opened(group, parts) for group in missing}
        return found


def _groups(item: CommitItem, indexes: Sequence[int]) -> Iterator[tuple[Group, int]]:
    """The groups that hold these leaves, each with its first leaf."""
    first = item.start
    wanted = sorted(indexes)
    for group in item.groups:
        at = bisect_left(wanted, first)
        if at < len(wanted) and wanted[at] < first + group.count:
            yield group, first
        first += group.count


def _opened(group: Group, parts: Mapping[str, bytes]) -> list[Kept | None]:
    if any(name not in parts for name in group.parts):
        return []
    found = read_blob(b"".join(parts[name] for name in group.parts))
    if len(found) != group.count:
        raise StoreRefused(f"the blob {group.parts[0]} holds {len(found)} records, its commit says {group.count}")
    return found
