# SPDX-License-Identifier: Apache-2.0
"""Commits that the index does not cover, in memory, with the few indexes that look-ups need.

It only grows, by one thread at a time, and others may read meanwhile: a commit is there for them from when it is the
head. What the index has caught up with is let go of by beginning anew.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.segments import Covered
from audit_sidecar.stores.store import Gap, StreamState

_STREAMS_KEPT: Final = 4096


class Recent:
    """The commits after ``base``, which the index covers or which is the log's beginning."""

    def __init__(self, base: CommitItem, covered: Covered) -> None:
        self._base = base
        self.covered = covered
        """How far the index had come."""
        self._items: list[CommitItem] = []
        self._starts: list[int] = []
        self._by_trace: dict[bytes, list[int]] = {}
        self._by_ids: dict[tuple[bytes, bytes, int | None], list[int]] = {}
        self._by_request: dict[bytes, list[int]] = {}
        self._streams: dict[bytes, StreamState] = {}
        self._subtrees: dict[tuple[int, int], bytes] = {}
        self._hashes: dict[int, list[bytes]] = {}
        self._follow_streams(base)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def leaves(self) -> int:
        """How many leaves these commits hold."""
        return self.head.size - self._base.size

    @property
    def head(self) -> CommitItem:
        """The newest commit."""
        return self._items[-1] if self._items else self._base

    @property
    def beginning(self) -> int:
        """The first leaf that is looked for here; those below it are in the index."""
        return self._base.size

    def add(self, item: CommitItem) -> None:
        """The next commit. StoreRefused when it does not follow."""
        head = self.head
        if item.n != head.n + 1 or item.start != head.size:
            raise StoreRefused(
                f"commit {item.n} begins at leaf {item.start}, the log had {head.size} leaves in {head.n} commits; "
                "run 'countersign audit fsck'"
            )
        for index, leaf in enumerate(item.leaves, start=item.start):
            self._by_trace.setdefault(leaf.trace, []).append(index)
            self._by_ids.setdefault((leaf.trace, leaf.span, leaf.seq), []).append(index)
            if leaf.id is not None:
                self._by_request.setdefault(leaf.id, []).append(index)
        # Here and not when it is asked for, which is within a turn.
        self._hashes[item.n] = item.leaf_hashes()
        for level, position, hash_ in item.subtrees:
            self._subtrees[level, position] = hash_
        self._follow_streams(item)
        self._starts.append(item.start)
        self._items.append(item)  # last: whoever sees it finds all of it

    @property
    def base(self) -> CommitItem:
        """The commit before these."""
        return self._base

    def from_base(self, base: CommitItem, covered: Covered) -> "Recent":
        """The same without the commits up to ``base``; where streams stand is kept, for it needs no index."""
        made = Recent(base, covered)
        kept = [*self._streams.items()][-_STREAMS_KEPT:]
        if base.n < self._base.n:  # never: the index does not go back
            return self
        if base.n <= self.head.n:
            made._streams = dict(kept)
        for item in self._items:
            if item.n > base.n:
                made.add(item)
        return made

    def numbered(self, n: int) -> CommitItem | None:
        """One commit, if it is held here."""
        at = n - self._base.n - 1
        if at == -1:
            return self._base
        return self._items[at] if 0 <= at < len(self._items) else None

    def leaf_hashes(self, item: CommitItem) -> list[bytes]:
        """Those of a commit, whether it is held here or not."""
        return self._hashes.get(item.n) or item.leaf_hashes()

    def holding(self, index: int) -> CommitItem | None:
        """The commit with this leaf."""
        if not self._base.size <= index < self.head.size:
            return None
        # Empty commits share a start with the next one, which is the one that holds the leaf.
        return self._items[bisect_right(self._starts, index) - 1]

    def after(self, n: int) -> list[CommitItem]:
        """The commits held here with a larger number."""
        return self._items[max(0, n - self._base.n) :]

    def backwards(self) -> Iterator[CommitItem]:
        """Newest first."""
        return iter(self._items[::-1])

    def sent(self, stream: bytes) -> set[int]:
        """Numbers of the commits with leaves of a stream."""
        return {item.n for item in self._items[:] if any(leaf.stream == stream for leaf in item.leaves)}

    def traced(self, trace: bytes) -> list[int]:
        """Leaves with this trace id."""
        return list(self._by_trace.get(trace, ()))

    def identified(self, trace: bytes, span: bytes, seq: int | None) -> list[int]:
        """Leaves with these ids and this sequence number."""
        return list(self._by_ids.get((trace, span, seq), ()))

    def about(self, request_id: bytes) -> list[int]:
        """Leaves that are about this request."""
        return list(self._by_request.get(request_id, ()))

    def stream(self, stream: bytes) -> StreamState | None:
        """A stream as it stands now, if it moved not long ago."""
        return self._streams.get(stream)

    def streams(self) -> list[StreamState]:
        """Every stream that moved not long ago, and all that the index does not know."""
        return list(self._streams.values())

    def gaps(self, stream: bytes) -> list[Gap]:
        """Gaps of a stream."""
        return [gap for item in self._items[:] for gap in item.gaps if gap.stream == stream]

    def subtree(self, level: int, position: int) -> bytes | None:
        """The root of a subtree that was completed here."""
        return self._subtrees.get((level, position))

    def _follow_streams(self, item: CommitItem) -> None:
        for state in item.streams:
            self._streams[state.stream] = state
