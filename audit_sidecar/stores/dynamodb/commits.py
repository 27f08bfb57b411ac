# SPDX-License-Identifier: Apache-2.0
"""The commits of one log: those that the index covers are looked up there, later ones are held in memory.

The index follows the log behind it and is never waited for: whatever it does not cover yet is read from the log table
itself, so a look-up is as fresh as the log and its cost grows with the index's lag, not with the log.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, read_item
from audit_sidecar.stores.dynamodb.index_keys import AT, INDEXED, LOG, pad
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.store import Gap, StreamState

_CACHED: Final = 512
_REBASED_AFTER: Final = 256


class Commits:
    """Reads and remembers commits, which never change. Safe for several threads."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._lock = threading.RLock()
        self._cache: OrderedDict[int, CommitItem] = OrderedDict()
        self.origin = self._origin()
        self._tail: list[CommitItem] = []
        self._rebase()

    @property
    def head(self) -> CommitItem:
        """The newest commit that is known here; the log's beginning, where there is none."""
        return self._tail[-1] if self._tail else self._base

    def refresh(self) -> CommitItem:
        """Go along with the log; its newest commit."""
        with self._lock:
            for item in self._read_from(self.head.n + 1):
                self._add(item)
            if len(self._tail) > _REBASED_AFTER and len(self._tail) % _REBASED_AFTER == 0:
                self._rebase()
            return self.head

    def add(self, item: CommitItem) -> None:
        """A commit that this process made itself; of the next number after the head."""
        with self._lock:
            if item.n == self.head.n + 1:
                self._add(item)

    def covering(self, start: int, stop: int) -> Iterator[CommitItem]:
        """The commits that hold leaves of [start, stop), in order, as far as the log goes."""
        if start >= min(stop, self.head.size):
            return
        item = self._holding(start)
        while True:
            yield item
            if item.size >= min(stop, self.head.size):
                return
            item = self.numbered(item.n + 1)

    def backwards(self, before: int) -> Iterator[CommitItem]:
        """The commits that hold leaves below an index, newest first."""
        before = min(before, self.head.size)
        if before <= 0:
            return
        item = self._holding(before - 1)
        while item.n > 0:
            yield item
            item = self.numbered(item.n - 1)

    def numbered(self, n: int) -> CommitItem:
        """One commit. StoreRefused when the log lacks it."""
        with self._lock:
            if n > self._base.n:
                at = n - self._base.n - 1
                if at < len(self._tail):
                    return self._tail[at]
            if n in self._cache:
                self._cache.move_to_end(n)
                return self._cache[n]
        found = self._requests.get(self._requests.location.log, {"log": {"S": self.origin}, "n": {"N": str(n)}})
        if found is None:
            raise StoreRefused(f"the log {self.origin!r} lacks its commit {n}; run 'countersign audit fsck'")
        item = read_item(found)
        with self._lock:
            self._cache[n] = item
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return item

    def tail(self) -> list[CommitItem]:
        """The commits after those that the index covers."""
        with self._lock:
            return list(self._tail)

    def traced(self, trace: bytes) -> list[int]:
        """Leaves of the tail with this trace id."""
        with self._lock:
            return list(self._by_trace.get(trace, ()))

    def about(self, request_id: bytes) -> list[int]:
        """Leaves of the tail that are about this request."""
        with self._lock:
            return list(self._by_request.get(request_id, ()))

    def stream(self, stream: bytes) -> StreamState | None:
        """A stream as the tail leaves it."""
        with self._lock:
            return self._streams.get(stream)

    def streams(self) -> list[StreamState]:
        """Every stream that moved in the tail."""
        with self._lock:
            return list(self._streams.values())

    def gaps(self, stream: bytes) -> list[Gap]:
        """Gaps of a stream in the tail."""
        with self._lock:
            return [gap for item in self._tail for gap in item.gaps if gap.stream == stream]

    def subtree(self, level: int, position: int) -> bytes | None:
        """The root of a subtree that was completed in the tail."""
        with self._lock:
            return self._subtrees.get((level, position))

    def _origin(self) -> str:
        found = self._requests.get(self._requests.location.state, LOG)
        if found is None:
            raise StoreRefused(
                f"there is no log in dynamodb://{self._requests.location.prefix}; 'countersign store init' creates one"
            )
        return str(found["origin"]["S"])

    def _rebase(self) -> None:
        """Begin the tail where the index ends."""
        found = self._requests.get(self._requests.location.state, INDEXED)
        n = 0 if found is None else int(found["n"]["N"])
        held = self.tail()
        self._base = self._from_log(n)
        self._tail = []
        self._by_trace: dict[bytes, list[int]] = {}
        self._by_request: dict[bytes, list[int]] = {}
        self._streams: dict[bytes, StreamState] = {}
        self._subtrees: dict[tuple[int, int], bytes] = {}
        for item in held:
            if item.n > n:
                self._add(item)

    def _from_log(self, n: int) -> CommitItem:
        found = self._requests.get(self._requests.location.log, {"log": {"S": self.origin}, "n": {"N": str(n)}})
        if found is None:
            raise StoreRefused(f"the log {self.origin!r} lacks its commit {n}; run 'countersign audit fsck'")
        return read_item(found)

    def _read_from(self, n: int) -> Iterator[CommitItem]:
        values = {":log": {"S": self.origin}, ":n": {"N": str(n)}}
        names = {"#log": "log", "#n": "n"}
        found = self._requests.query(
            self._requests.location.log, "#log = :log AND #n >= :n", values, ExpressionAttributeNames=names
        )
        return (read_item(item) for item in found)

    def _add(self, item: CommitItem) -> None:
        if item.n != self.head.n + 1 or item.start != self.head.size:
            raise StoreRefused(
                f"commit {item.n} of {self.origin!r} begins at leaf {item.start}, the log had {self.head.size} leaves "
                f"in {self.head.n} commits; run 'countersign audit fsck'"
            )
        for index, leaf in enumerate(item.leaves, start=item.start):
            self._by_trace.setdefault(leaf.trace, []).append(index)
            if leaf.id is not None:
                self._by_request.setdefault(leaf.id, []).append(index)
        for state in item.streams:
            self._streams[state.stream] = state
        for level, position, hash_ in item.subtrees:
            self._subtrees[level, position] = hash_
        self._tail.append(item)

    def _holding(self, index: int) -> CommitItem:
        with self._lock:
            if index >= self._base.size and self._tail:
                starts = [item.start for item in self._tail]
                # Empty commits share a start with the next one, which is the one that holds the leaf.
                return self._tail[bisect_right(starts, index) - 1]
        found = self._requests.query(
            self._requests.location.state,
            "pk = :pk AND sk <= :sk",
            {":pk": {"S": AT}, ":sk": {"S": pad(index)}},
            ScanIndexForward=False,
            Limit=1,
        )
        nearest = next(found, None)
        item = self.numbered(1 if nearest is None else int(nearest["n"]["N"]))
        while item.size <= index:
            item = self.numbered(item.n + 1)
        return item
