# SPDX-License-Identifier: Apache-2.0
"""Read the log from DynamoDB: what the index covers is found there, the rest is read from the log itself.

Every read asks for what the last acknowledged write left. A record is rebuilt from its commit and its blob; whether it
is what was acknowledged is checked by whoever shows it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.blob import Kept, read_blob
from audit_sidecar.stores.dynamodb.check import faults
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, Group, read_stream
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

Found = tuple[StoredRecord, Finding]
_GONE: Final = (None, None, Finding())
_MOST_TRACED: Final = 500
_AT_ONCE: Final = 4_096
"""Records whose blobs are asked for together."""


class DynamoReader:
    """`StoreReader` over the three tables. Safe for several threads."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
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
        recent = self._commits.recent()
        found = dict(self._indexed_tiles(level, start, stop))
        hashes: list[bytes] = []
        for position in range(start, stop):
            hash_ = recent.subtree(level, position) or found.get(position)
            if hash_ is None:
                break
            hashes.append(hash_)
        return hashes

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order, some commits at a time."""
        return (record for record, _ in self._between(start, stop))

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""
        self._commits.refresh()
        indexes = {*self._commits.recent().traced(trace), *self._listed(keys.by_trace(trace))}
        return [record for record in self._at(sorted(indexes)) if record.leaf.trace == trace]

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""
        self._commits.refresh()
        recent = self._commits.recent()
        indexes = set(recent.identified(trace, span, seq))
        if recent.beginning:  # else all of the log is recent
            indexes.update(self._identified(trace, keys.ids(span, seq), limit))
        found = self._at(sorted(indexes)[:limit])
        return [r for r in found if (r.leaf.trace, r.leaf.span, r.leaf.seq) == (trace, span, seq)]

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""
        self._commits.refresh()
        indexes = set(self._commits.recent().about(request_id))
        for pk in (keys.by_trace(request_id), keys.by_request(request_id)):
            indexes.update(self._listed(pk))
        return [record for record in self._at(sorted(indexes)) if record.leaf.id == request_id]

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
        return self._stream(stream)

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
        states = {state.stream: state for state in self._commits.recent().streams()}
        for item in self._partition(keys.STREAMS):
            uuid = bytes.fromhex(item["stream"]["S"])
            if uuid not in states and (state := self._stream(uuid)) is not None:
                states[uuid] = state
        found: list[StreamCount] = []
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
        """What records of [start, stop) can be found by, as it is kept beside their payloads, for fsck."""
        return {record.leaf_index: finding for record, finding in self._between(start, stop)}

    def strays(self) -> list[str]:
        """What does not follow from the leaves, in words: of commits, of the index, of blobs."""
        self._commits.verify()
        return list(faults(self._requests, self._commits, self._between))

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        self._commits.refresh()
        recent = self._commits.recent().gaps(stream)
        listed = (
            Gap(number_of(item), stream, int(item["first"]["N"]), int(item["last"]["N"]))
            for item in self._partition(keys.gaps(stream))
        )
        return sorted({*listed, *recent})

    def _matching(self, search: Search) -> Iterator[tuple[StoredRecord, Finding]]:
        candidates = Candidates(self._commits, self._listed_backwards)
        for item, indexes in candidates.newest_first(search):
            for record, finding in reversed(list(self._of([(item, indexes)]))):
                if matches(search, record, finding, self._stream_of(record, search)):
                    yield record, finding

    def _stream_of(self, record: StoredRecord, search: Search) -> StreamState | None:
        if record.leaf.stream is None or (search.model is None and search.version is None):
            return None
        return self._stream(record.leaf.stream)

    def _stream(self, stream: bytes) -> StreamState | None:
        state = self._commits.recent().stream(stream)
        if state is not None:
            return state
        held = self._requests.get(self._tables.state, keys.key(keys.stream(stream)))
        if held is None:
            self._commits.confirm()
            return None
        self._commits.require_known(int(held["n"]["N"]))
        return read_stream(bytes(held["state"]["B"]))

    def _count_kind(self, kind: str | None, size: int) -> int:
        if kind is None or size == 0:
            return size
        item = next(self._commits.backwards(size))
        beyond = sum(leaf.kind == kind for leaf in item.leaves[size - item.start :])
        return item.kinds.get(kind, 0) - beyond

    def _sent(self, stream: bytes) -> Iterator[CommitItem]:
        """The commits with leaves of a stream, in order."""
        numbers = self._commits.recent().sent(stream)
        numbers |= {int(item["n"]["N"]) for item in self._partition(keys.sent(stream))}
        last = self._commits.head.n
        return (self._commits.numbered(n) for n in sorted(numbers) if n <= last)

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
        turn = self._commits.remembered()
        found = {} if turn is None else turn.blobs
        missing = [group for group in groups if group.parts not in found]
        names = dict.fromkeys(part for group in missing for part in group.parts)
        items = self._requests.get_many(self._tables.payload, [{"key": {"S": name}} for name in names])
        parts = {item["key"]["S"]: bytes(item["blob"]["B"]) for item in items}
        found |= {group.parts: _opened(group, parts) for group in missing}
        return found

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
            self._commits.require_known(int(item["n"]["N"]))
            yield number_of(item)

    def _identified(self, trace: bytes, beginning: str, limit: int) -> Iterator[int]:
        """Leaf indexes under a trace whose sort keys begin so; a turn asks once for all that stands under a trace."""
        turn = self._commits.remembered()
        if turn is None:
            return self._listed(keys.by_trace(trace), beginning, limit)
        known = turn.traces
        if trace not in known:
            values = {":pk": {"S": keys.by_trace(trace)}}
            rows = list(self._requests.query(self._tables.state, "pk = :pk", values, pages=False, Limit=_MOST_TRACED))
            known[trace] = rows if len(rows) < _MOST_TRACED else None
        found = known[trace]
        if found is None:
            return self._listed(keys.by_trace(trace), beginning, limit)
        wanted = [item for item in found if item["sk"]["S"].startswith(beginning)][:limit]
        for item in wanted:
            self._commits.require_known(int(item["n"]["N"]))
        return map(number_of, wanted)

    def _listed_backwards(self, pk: str, before: int) -> Iterator[int]:
        """Leaf indexes or commit starts of a partition below one, the largest first."""
        if pk.startswith(keys.TRACE):
            return iter(sorted((index for index in self._listed(pk) if index < before), reverse=True))
        values: dict[str, Any] = {":pk": {"S": pk}, ":sk": {"S": keys.pad(before)}}
        found = self._requests.query(self._tables.state, "pk = :pk AND sk < :sk", values, ScanIndexForward=False)
        return (number_of(item) for item in found)


def number_of(item: Item) -> int:
    """The leaf or the first leaf of the commit that an index item names. StoreRefused."""
    text = item["sk"]["S"].rpartition("#")[2]
    if not text.isdecimal():
        raise StoreRefused(
            f"the index item {item['pk']['S']} {item['sk']['S']} names no leaf; run 'countersign audit fsck'"
        )
    return int(text)


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
