# SPDX-License-Identifier: Apache-2.0
"""Whether every item of the log and of the index follows from the leaves: what only this store has, for fsck.

The index is read from end to end and compared with what the log gives, by sums of keyed hashes: memory does not grow
with the log, and whoever changed an item could not know the key. Not looked at: which sidecar made a commit, by which
sidecars take turns, and index items of records whose payload is gone, for what they were found by went with it.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Final

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, write_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.rows import rows_of
from audit_sidecar.stores.store import Finding, StoredRecord, StreamState
from audit_sidecar.tlog.merkle import Frontier
from audit_sidecar.tlog.tiles import TILE_HEIGHT

Found = Callable[[int, int], Iterator[tuple[StoredRecord, Finding]]]
_SINGLE: Final = {item["pk"]["S"] for item in (keys.LOG, keys.INDEXED, keys.CHECKPOINT, keys.PUBLISHER, keys.QUEUE)}
_STREAM: Final = "stream"


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

    def __init__(self, indexed: int) -> None:
        self.indexed = indexed
        self.frontier = Frontier()
        self.kinds: dict[str, int] = {}
        self.states: dict[bytes, StreamState] = {}
        self.indexed_states: dict[bytes, tuple[int, StreamState]] = {}
        self.bare: set[int] = set()


def faults(requests: Requests, commits: Commits, found: Found) -> Iterator[str]:
    """What is wrong, as words that follow "the store has"; nothing in a sound one, a live one too."""
    held = requests.get(requests.location.state, keys.INDEXED)
    beginning = commits.numbered(0)
    if any((beginning.size, beginning.start, *beginning[3:9])):
        yield "a beginning that is not empty"
    walk = _Walk(0 if held is None else int(held["n"]["N"]))
    head = commits.head
    if walk.indexed > head.n:
        yield f"an index of {walk.indexed} commits, in a log of {head.n}"
        return
    key = os.urandom(16)
    expected, stored = _Sums(key), _Sums(key)
    records = found(0, head.size)
    for item in commits.all(head.n):
        yield from _of_commit(walk, item)
        findings: dict[int, Finding] = {}
        for record, finding in islice(records, len(item.leaves)):
            findings[record.leaf_index] = finding
            if record.payload is None:
                walk.bare.add(record.leaf_index)
        if item.n <= walk.indexed:
            for row in rows_of(item, findings):
                expected.add(row.item())
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
        if item.n <= walk.indexed:
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
        elif int(item["n"]["N"]) > walk.indexed:  # of a commit that is being indexed
            walk.indexed_states.pop(_uuid(item) if kind == _STREAM else b"", None)
        elif kind == _STREAM:
            yield from _of_stream(walk, item)
        elif not (kind == "subject" and item["sk"]["S"].isdecimal() and int(item["sk"]["S"]) in walk.bare):
            stored.add(item)
    yield from (f"a stream {stream.hex()} that is not in its index" for stream in walk.indexed_states)


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
