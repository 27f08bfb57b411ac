# SPDX-License-Identifier: Apache-2.0
"""Whether every item of the log and of the index follows from the leaves: what only this store has, for fsck.

The index is read from end to end and compared with what the log gives, by sums of keyed hashes: memory does not grow
with the log, and whoever changed an item could not know the key. Not looked at: which sidecar made a commit, by which
sidecars take turns, and what the index says of records whose payload is gone, for what they were found by went with it.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Final

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, write_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.packed import OfSubject, pack_subjects, unpack_subjects
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.rows import Row, rows_of, subject_rows, subjects_of
from audit_sidecar.stores.dynamodb.segments import Covered, covered, next_segment, read_place
from audit_sidecar.stores.store import Finding, StoredRecord, StreamState
from audit_sidecar.tlog.merkle import Frontier
from audit_sidecar.tlog.tiles import TILE_HEIGHT

Found = Callable[[int, int], Iterator[tuple[StoredRecord, Finding]]]
_SINGLE: Final = {item["pk"]["S"] for item in (keys.LOG, keys.INDEXED, keys.CHECKPOINT, keys.PUBLISHER, keys.QUEUE)}
_STREAM: Final = "stream"
_SPAN: Final = "span"
_SUBJECT: Final = "subject"


class _Sums:
    """Index items by the class of their partition: how many, and the sum of their hashes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def add(self, item: Item) -> None:
        """Count one."""
        kind = class_of(item)
        data = repr(sorted((name, sorted(value.items())) for name, value in item.items())).encode()
        count, total = self._sums[kind]
        hash_ = int.from_bytes(blake2b(data, digest_size=16, key=self._key).digest())
        self._sums[kind] = count + 1, (total + hash_) % (1 << 128)

    def add_all(self, items: Iterable[Item]) -> None:
        """Count some."""
        for item in items:
            self.add(item)

    def differing(self, found: "_Sums") -> Iterator[str]:
        """Classes in which the other has other items, in words."""
        for kind in sorted({*self._sums, *found._sums}):
            if self._sums[kind] != found._sums[kind]:
                yield (
                    f"index items under {kind!r} that do not follow from its log: {found._sums[kind][0]} of them, "
                    f"where there should be {self._sums[kind][0]}"
                )


class _Walk:
    """What the commits read so far give."""

    def __init__(self, indexed: Covered) -> None:
        self.indexed = indexed
        self.frontier = Frontier()
        self.kinds: dict[str, int] = {}
        self.states: dict[bytes, StreamState] = {}
        self.indexed_states: dict[bytes, tuple[int, StreamState]] = {}
        self.bare: set[int] = set()
        """Leaves of which the payload is gone."""


class _Indexing:
    """The index items that commits give: of the segment that is being read, and of its block."""

    def __init__(self) -> None:
        self._number = 0
        self._items: list[CommitItem] = []
        self._findings: dict[int, Finding] = {}
        self._block: list[OfSubject] = []
        self._start, self._place = 0, ""
        self.done = Covered()
        """What there is to be said of how far an index of all of it has come."""

    def rows(self, item: CommitItem, findings: Mapping[int, Finding]) -> Iterator[Row]:
        """What is complete with this commit."""
        self._items.append(item)
        self._findings |= findings
        segment = next_segment(self._number, self._items)
        if segment is None:
            return
        yield from rows_of(segment, self._findings)
        if self._number % segments.SHAPE.block == 0:
            self._start, self._place, self._block = segment.first.start, segment.place, []
        shift = segment.first.start - self._start
        self._block += (OfSubject(of, leaf + shift) for of, leaf in subjects_of(segment, self._findings))
        self._number, self._items, self._findings = self._number + 1, [], {}
        self.done = Covered(segment.last.n, self._number, self.done.merged)
        if segment.completes_block:
            yield from subject_rows(self._place, segment.last.n, self._block, keys.BLOCK_BITS)
            self.done = self.done._replace(merged=segment.last.n)


def faults(requests: Requests, commits: Commits, found: Found) -> Iterator[str]:
    """What is wrong, as words that follow "the store has"; nothing in a sound one, a live one too."""
    walk = _Walk(covered(requests))
    beginning = commits.numbered(0)
    if any((beginning.size, beginning.start, *beginning[3:9])):
        yield "a beginning that is not empty"
    head = commits.head
    if walk.indexed.n > head.n:
        yield f"an index of {walk.indexed.n} commits, in a log of {head.n}"
        return
    key = os.urandom(16)
    expected, stored, indexing = _Sums(key), _Sums(key), _Indexing()
    records = found(0, head.size)
    for item in commits.numbers(1, head.n):
        yield from _of_commit(walk, item)
        findings: dict[int, Finding] = {}
        for record, finding in islice(records, len(item.leaves)):
            findings[record.leaf_index] = finding
            if record.payload is None:
                walk.bare.add(record.leaf_index)
        if item.n <= walk.indexed.n:
            expected.add_all(row.item() for row in indexing.rows(item, findings) if not _of_bare_span(walk, row.item()))
    if indexing.done != walk.indexed:
        yield f"an index that ends at commit {walk.indexed.n}, which is not where it says"
    yield from _of_index(walk, requests, stored)
    yield from expected.differing(stored)


def class_of(item: Item) -> str:
    """What an item of the state table is."""
    return str(item["pk"]["S"]).partition("#")[0]


def _of_commit(walk: _Walk, item: CommitItem) -> Iterator[str]:
    if item.start != walk.frontier.size:
        yield f"a commit {item.n} that begins at leaf {item.start}, after {walk.frontier.size} leaves"
    completed = walk.frontier.extend(item.leaf_hashes(), TILE_HEIGHT)
    if walk.frontier.to_bytes() != item.frontier.to_bytes():
        yield f"a commit {item.n} whose right edge is not what its leaves give"
    if {tuple(subtree) for subtree in item.subtrees} != set(completed):
        yield f"a commit {item.n} whose subtrees are not what its leaves give"
    for leaf in item.leaves:
        walk.kinds[leaf.kind] = walk.kinds.get(leaf.kind, 0) + 1
    if walk.kinds != item.kinds:
        yield f"a commit {item.n} whose counts of kinds are not those of the leaves up to it"
    yield from _of_moves(walk, item)


def _of_moves(walk: _Walk, item: CommitItem) -> Iterator[str]:
    moved = {leaf.stream: leaf for leaf in item.leaves if leaf.stream is not None}
    if {state.stream for state in item.streams} != moved.keys():
        yield f"a commit {item.n} that moves other streams than those of its leaves"
        return
    for state in item.streams:
        leaf, before = moved[state.stream], walk.states.setdefault(state.stream, state)
        stands = (leaf.seq or 0) + 1, leaf.time, leaf.kind == "end"
        if stands != (state.next_seq, state.last_time, state.ended) or _named(before) != _named(state):
            yield f"a commit {item.n} in which stream {state.stream.hex()} does not stand where its leaves are"
        if item.n <= walk.indexed.n:
            walk.indexed_states[state.stream] = item.n, state


def _named(state: StreamState) -> StreamState:
    """What a stream keeps for as long as it lasts."""
    return state._replace(next_seq=0, last_time=0, ended=False)


def _of_index(walk: _Walk, requests: Requests, stored: _Sums) -> Iterator[str]:
    for item in requests.scan(requests.location.state):
        kind = class_of(item)
        if kind in _SINGLE:
            continue
        if "N" not in item.get("n", {}):
            yield f"an item {item['pk']['S']} {item['sk']['S']} of no commit"
        elif int(item["n"]["N"]) > walk.indexed.n:  # of a segment that is being indexed
            walk.indexed_states.pop(_uuid(item) if kind == _STREAM else b"", None)
        elif kind == _STREAM:
            yield from _of_stream(walk, item)
        elif not _of_bare_span(walk, item):
            left = _without_bare(walk, item) if kind == _SUBJECT else item
            if left is not None:
                stored.add(left)
    yield from (f"a stream {stream.hex()} that is not in its index" for stream in walk.indexed_states)


def _of_bare_span(walk: _Walk, item: Item) -> bool:
    """Whether it is of a foreign span whose payload is gone: only with it did it tell whether it was the first."""
    return class_of(item) == _SPAN and int(item["leaf"]["N"]) in walk.bare


def _without_bare(walk: _Walk, item: Item) -> Item | None:
    """What an item says of subjects whose records are not erased; None when it is nothing."""
    if not walk.bare:
        return item
    start, _ = read_place(item["sk"]["S"])
    left = [entry for entry in unpack_subjects(bytes(item["found"]["B"])) if start + entry.leaf not in walk.bare]
    return {**item, "found": {"B": pack_subjects(left)}} if left else None


def _of_stream(walk: _Walk, item: Mapping[str, Item]) -> Iterator[str]:
    uuid = _uuid(item)
    n, state = walk.indexed_states.pop(uuid, (None, None))
    if state is None or n != int(item["n"]["N"]) or item["state"].get("B") != write_stream(state):
        yield f"an index item of stream {uuid.hex()} that is not how the log leaves it"


def _uuid(item: Mapping[str, Item]) -> bytes:
    try:
        return bytes.fromhex(str(item["pk"]["S"]).partition("#")[2])
    except ValueError:
        return b""
