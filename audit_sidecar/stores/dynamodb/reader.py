# SPDX-License-Identifier: Apache-2.0
"""Read the log from DynamoDB: what the index covers is found there, the rest is read from the log itself.

Every read asks for what the last acknowledged write left. A record is rebuilt from its commit and its blob; whether it
is what was acknowledged is checked by whoever shows it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.blob import Kept, read_blob
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, read_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.search import Candidates, matches
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

_NOTHING: Final = Finding()


class DynamoReader:
    """`StoreReader` over the three tables. Safe for several threads."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._tables = requests.location

    def origin(self) -> str:
        """The log's name."""
        return self._commits.origin

    def frontier(self) -> Frontier:
        """Right edge of the tree, with its size."""
        return self._commits.refresh().frontier.copy()

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint, or None before the first."""
        held = self._requests.get(self._tables.state, keys.CHECKPOINT)
        if held is None:
            return None
        note, root = bytes(held["note"]["B"]), bytes(held["root"]["B"])
        return SignedCheckpoint(int(held["size"]["N"]), root, note, int(held["time"]["N"]))

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes of [start, stop); shorter when the log ends before."""
        self._commits.refresh()
        found: list[bytes] = []
        for item in self._commits.covering(start, stop):
            leaves = item.leaves[max(0, start - item.start) : max(0, stop - item.start)]
            found += (leaf_hash(leaf_text(leaf)) for leaf in leaves)
        return found

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop) at a level that is a multiple of 8, above 0."""
        self._commits.refresh()
        found = dict(self._indexed_tiles(level, start, stop))
        position = start
        hashes: list[bytes] = []
        while position < stop:
            hash_ = self._commits.subtree(level, position) or found.get(position)
            if hash_ is None:
                break
            hashes.append(hash_)
            position += 1
        return hashes

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order, a commit at a time."""
        self._commits.refresh()
        for item in self._commits.covering(start, stop):
            wanted = range(max(start, item.start), min(stop, item.size))
            yield from (record for record, _ in self._of(item, wanted))

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""
        self._commits.refresh()
        return self._at({*self._commits.traced(trace), *self._listed(keys.by_trace(trace))})

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""
        self._commits.refresh()
        indexes = set(self._listed(keys.by_trace(trace), keys.ids(span, seq), limit))
        for index in self._commits.traced(trace):
            (item,) = self._commits.covering(index, index + 1)
            leaf = item.leaves[index - item.start]
            if leaf.span == span and leaf.seq == seq:
                indexes.add(index)
        return self._at(sorted(indexes)[:limit])

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""
        self._commits.refresh()
        listed = (keys.by_trace(request_id), keys.by_request(request_id))
        indexes = {*self._commits.about(request_id), *(index for pk in listed for index in self._listed(pk))}
        return [record for record in self._at(indexes) if record.leaf.id == request_id]

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
        state = self._commits.stream(stream)
        if state is not None:
            return state
        held = self._requests.get(self._tables.state, keys.key(keys.stream(stream)))
        return None if held is None else read_stream(bytes(held["state"]["B"]))

    def first_record(self, stream: bytes) -> StoredRecord | None:
        """The record that opened a stream: its release, unless the beginning is missing."""
        if self.stream(stream) is None:
            return None
        for item in self._sent(stream):
            for index, leaf in enumerate(item.leaves, start=item.start):
                if leaf.stream == stream:
                    return self._at([index])[0]
        return None

    def stream_counts(self, start: int | None, stop: int | None) -> list[StreamCount]:
        """Every stream with records that ended in the period, oldest first."""
        self._commits.refresh()
        found: list[StreamCount] = []
        listed = (self.stream(bytes.fromhex(item["stream"]["S"])) for item in self._partition(keys.STREAMS))
        states = {state.stream: state for state in (*listed, *self._commits.streams()) if state is not None}
        for state in sorted(states.values(), key=lambda state: (state.first_time, state.stream)):
            numbers = [
                leaf.seq
                for item in self._sent(state.stream)
                for leaf in item.leaves
                if leaf.stream == state.stream and leaf.seq is not None
                if (start is None or leaf.time >= start) and (stop is None or leaf.time < stop)
            ]
            if numbers:
                found.append(StreamCount(state, min(numbers), max(numbers), len(numbers)))
        return found

    def findings(self, start: int, stop: int) -> dict[int, Finding]:
        """Index rows of [start, stop) as stored, for fsck."""
        self._commits.refresh()
        found: dict[int, Finding] = {}
        for item in self._commits.covering(start, stop):
            wanted = range(max(start, item.start), min(stop, item.size))
            found |= {record.leaf_index: finding for record, finding in self._of(item, wanted)}
        return found

    def strays(self) -> list[str]:
        """Index items that name no leaf of theirs, in words; the index covers no more than the log."""
        head = self._commits.refresh()
        held = self._requests.get(self._tables.state, keys.INDEXED)
        found: list[str] = []
        if held is not None and int(held["n"]["N"]) > head.n:
            found.append(f"an index of {held['n']['N']} commits, in a log of {head.n}")
        for item in self._partition(keys.STREAMS):
            uuid = bytes.fromhex(item["stream"]["S"])
            if self.first_record(uuid) is None:
                found.append(f"an index item of stream {uuid.hex()}, which has no record")
        return found

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        self._commits.refresh()
        listed = [
            Gap(int(item["sk"]["S"]), stream, int(item["first"]["N"]), int(item["last"]["N"]))
            for item in self._partition(keys.gaps(stream))
        ]
        return sorted({*listed, *self._commits.gaps(stream)})

    def _matching(self, search: Search) -> Iterator[tuple[StoredRecord, Finding]]:
        candidates = Candidates(self._commits, self._listed_backwards)
        for item, indexes in candidates.newest_first(search):
            for record, finding in reversed(list(self._of(item, indexes))):
                if matches(search, record, finding, self._stream_of(record, search)):
                    yield record, finding

    def _stream_of(self, record: StoredRecord, search: Search) -> StreamState | None:
        if record.leaf.stream is None or (search.model is None and search.version is None):
            return None
        return self.stream(record.leaf.stream)

    def _count_kind(self, kind: str | None, size: int) -> int:
        if kind is None or size == 0:
            return size
        item = next(self._commits.backwards(size))
        beyond = sum(leaf.kind == kind for leaf in item.leaves[size - item.start :])
        return item.kinds.get(kind, 0) - beyond

    def _sent(self, stream: bytes) -> Iterator[CommitItem]:
        """The commits with leaves of a stream, in order."""
        numbers = {int(item["n"]["N"]) for item in self._partition(keys.sent(stream))}
        numbers |= {item.n for item in self._commits.tail() if any(leaf.stream == stream for leaf in item.leaves)}
        return (self._commits.numbered(n) for n in sorted(numbers))

    def _at(self, indexes: Iterable[int]) -> list[StoredRecord]:
        """Records at these leaves, in order."""
        found: list[StoredRecord] = []
        for index in sorted(indexes):
            for item in self._commits.covering(index, index + 1):
                found += (record for record, _ in self._of(item, range(index, index + 1)))
        return found

    def _of(self, item: CommitItem, wanted: Sequence[int]) -> Iterator[tuple[StoredRecord, Finding]]:
        """Records of one commit, with what they are found by."""
        if not wanted:
            return
        kept = self._kept(item, wanted)
        for index in wanted:
            leaf = item.leaves[index - item.start]
            found = kept.get(index)
            salt, payload, finding = (None, None, _NOTHING) if found is None else found
            yield StoredRecord(index, leaf, leaf_hash(leaf_text(leaf)), salt, payload), finding

    def _kept(self, item: CommitItem, wanted: Sequence[int]) -> dict[int, Kept]:
        found: dict[int, Kept] = {}
        start = item.start
        for group in item.groups:
            inside = [index for index in wanted if start <= index < start + group.count]
            if inside:
                blob = self._blob(group.parts)
                found |= {
                    index: one
                    for index in inside
                    if index - start < len(blob) and (one := blob[index - start]) is not None
                }
            start += group.count
        return found

    def _blob(self, parts: tuple[str, ...]) -> list[Kept | None]:
        items = self._requests.get_many(self._tables.payload, [{"key": {"S": part}} for part in parts])
        held = {item["key"]["S"]: bytes(item["blob"]["B"]) for item in items}
        if len(held) != len(parts):
            return []
        return read_blob(b"".join(held[part] for part in parts))

    def _indexed_tiles(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        for low in range(start >> 16, ((stop - 1) >> 16) + 1 if stop > start else 0):
            values = {
                ":pk": {"S": keys.tiles(level, low << 16)},
                ":low": {"S": keys.pad(start)},
                ":high": {"S": keys.pad(stop - 1)},
            }
            found = self._requests.query(self._tables.state, "pk = :pk AND sk BETWEEN :low AND :high", values)
            yield from ((int(item["sk"]["S"]), bytes(item["hash"]["B"])) for item in found)

    def _partition(self, pk: str) -> Iterator[Item]:
        return self._requests.query(self._tables.state, "pk = :pk", {":pk": {"S": pk}})

    def _listed(self, pk: str, beginning: str = "", limit: int | None = None) -> Iterator[int]:
        """Leaf indexes of a partition whose sort keys end in them."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if beginning:
            condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": {"S": beginning}}
        for number, item in enumerate(self._requests.query(self._tables.state, condition, values)):
            if limit is not None and number == limit:
                return
            yield _index(item)

    def _listed_backwards(self, pk: str, before: int) -> Iterator[int]:
        """Leaf indexes or commit starts of a partition below one, the largest first; of a trace in no order."""
        if pk.startswith(keys.TRACE):
            return (index for index in self._listed(pk) if index < before)
        values: dict[str, Any] = {":pk": {"S": pk}, ":sk": {"S": keys.pad(before)}}
        found = self._requests.query(self._tables.state, "pk = :pk AND sk < :sk", values, ScanIndexForward=False)
        return (_index(item) for item in found)


def _index(item: Item) -> int:
    text = item["sk"]["S"].rpartition("#")[2]
    if not text.isdecimal():
        raise StoreRefused(f"the index item {item['pk']['S']} {item['sk']['S']} names no leaf; make the index anew")
    return int(text)
