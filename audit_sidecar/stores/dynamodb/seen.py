# SPDX-License-Identifier: Apache-2.0
"""Commits that were read once and may be asked for again, as many as a bounded number of leaves allows."""

import threading
from bisect import bisect_right, insort
from typing import Final

from audit_sidecar.stores.dynamodb.commit_item import CommitItem

_MOST_LEAVES: Final = 100_000


class Seen:
    """A cache of what never changes. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[int, CommitItem] = {}
        self._starts: list[tuple[int, int]] = []
        self._leaves = 0

    def get(self, n: int) -> CommitItem | None:
        """One commit."""
        with self._lock:
            return self._items.get(n)

    def holding(self, index: int) -> CommitItem | None:
        """The commit with this leaf."""
        with self._lock:
            at = bisect_right(self._starts, (index, 1 << 64)) - 1
            if at < 0:
                return None
            item = self._items[self._starts[at][1]]
            return item if item.start <= index < item.size else None

    def add(self, item: CommitItem) -> None:
        """Remember one, and forget the oldest ones beyond the bound."""
        with self._lock:
            if item.n in self._items:
                return
            self._items[item.n] = item
            insort(self._starts, (item.start, item.n))
            self._leaves += len(item.leaves) + 1
            while self._leaves > _MOST_LEAVES and len(self._items) > 1:
                oldest = self._items.pop(next(iter(self._items)))
                self._starts.remove((oldest.start, oldest.n))
                self._leaves -= len(oldest.leaves) + 1

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._items.clear()
            self._starts.clear()
            self._leaves = 0
