# SPDX-License-Identifier: Apache-2.0
"""The commits of one log: those that the index covers are looked up there, later ones are held in memory.

The index follows the log behind it and is never waited for: whatever it does not cover yet is read from the log table
itself, so a look-up is as fresh as the log and its cost grows with the index's lag, not with the log.

Reader and writer of a process share one of these. While the writer plans, its own thread looks up without asking each
time whether the log went on: what it plans happens only if the log did not.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from audit_sidecar.errors import HeadMoved, StoreRefused
from audit_sidecar.stores.dynamodb.blob import Kept
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, read_item
from audit_sidecar.stores.dynamodb.index_keys import AT, INDEXED, LOG, pad
from audit_sidecar.stores.dynamodb.recent import Recent
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.seen import Seen

_REBASED_AFTER: Final = 256
_REBASED_AFTER_LEAVES: Final = 50_000
_AHEAD: Final = 32
_NO_END: Final = 1 << 62


class Remembered(NamedTuple):
    """What was looked up in this turn."""

    traces: dict[bytes, list[Item] | None]
    """What the index names under a trace; None where that is very much."""
    blobs: dict[tuple[str, ...], list[Kept | None]]
    """Payloads by the parts that they lie in."""


class _Planning(threading.local):
    """Of each thread: the commit that it plans on, and whether it asked for a newer one in this turn."""

    n: int | None = None
    asked: bool = False
    found: Remembered | None = None


class Commits:
    """Reads and remembers commits, which never change. Safe for several threads."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._lock = threading.Lock()
        self._seen = Seen()
        self._planning = _Planning()
        self.origin = self._origin()
        self._recent = Recent(self._base())
        self._rebase_at = _REBASED_AFTER, _REBASED_AFTER_LEAVES

    @property
    def head(self) -> CommitItem:
        """The newest commit that is known here; the log's beginning, where there is none."""
        return self._recent.head

    def recent(self) -> Recent:
        """The commits after those that the index covers. Ask it before the index, which may overtake it meanwhile."""
        return self._recent

    def refresh(self) -> CommitItem:
        """Go along with the log, unless this thread plans; the newest commit."""
        return self.head if self._planning.n is not None else self.follow()

    def follow(self) -> CommitItem:
        """Go along with the log; its newest commit. StoreRefused when it is not the log that it was."""
        self._add([read_item(item) for item in self._between(self.head.n + 1, None)])
        return self.head

    def verify(self) -> CommitItem:
        """Go along with the log, and see that it still holds the commit that was its newest; else what it holds now."""
        head = self.head
        held = [read_item(item) for item in self._between(head.n, None)]
        if held and (held[0].n, held[0].frontier.to_bytes()) == (head.n, head.frontier.to_bytes()):
            self._add(held[1:])
        else:
            # Set back or rewritten, which is for others to judge: they are told what there is.
            newest = next(self._between(0, _NO_END, 1, newest=True), None)
            if newest is None:
                raise self._lacking(0)
            self._seen.clear()
            self._recent = Recent(read_item(newest))
        return self.head

    @contextmanager
    def turn(self, asked: bool) -> Iterator[CommitItem]:
        """Plan on the newest commit that is known; ``asked`` says that the log was asked for a newer one just now."""
        head = self.head
        self._planning.n, self._planning.asked, self._planning.found = head.n, asked, Remembered({}, {})
        try:
            yield head
        finally:
            self._planning.n = self._planning.found = None

    def remembered(self) -> Remembered | None:
        """Room to remember look-ups in, if this thread plans."""
        return self._planning.found

    def confirm(self) -> None:
        """Something is not there: HeadMoved if this thread plans on a log that went on since, and may have it."""
        planned = self._planning.n
        if planned is None or self._planning.asked:
            return
        self._planning.asked = True
        if self.follow().n != planned:
            raise HeadMoved("the log moved on")

    def require_known(self, n: int) -> None:
        """The index names this commit. HeadMoved if this thread plans on a log without it."""
        planned = self._planning.n
        if planned is not None and n > planned:
            raise HeadMoved("the log moved on")

    def add(self, item: CommitItem) -> None:
        """A commit that this process made itself."""
        with self._lock:
            if item.n == self._recent.head.n + 1:
                self._recent.add(item)

    def covering(self, start: int, stop: int) -> Iterator[CommitItem]:
        """The commits that hold leaves of [start, stop), in order, as far as the log goes."""
        stop = min(stop, self.head.size)
        if start >= stop:
            return
        item = self._holding(start)
        while True:
            yield item
            if item.size >= stop:
                return
            item = self._numbered(item.n + 1, _AHEAD)

    def backwards(self, before: int) -> Iterator[CommitItem]:
        """The commits that hold leaves below an index, newest first."""
        before = min(before, self.head.size)
        if before <= 0:
            return
        item = self._holding(before - 1)
        while item.n > 0:
            yield item
            item = self._numbered(item.n - 1, -_AHEAD)

    def all(self, last: int) -> Iterator[CommitItem]:
        """The commits 1 to ``last``, in order."""
        return (self._numbered(n, _AHEAD) for n in range(1, last + 1))

    def numbered(self, n: int) -> CommitItem:
        """One commit. StoreRefused when the log lacks it."""
        return self._numbered(n, 1)

    def _numbered(self, n: int, ahead: int) -> CommitItem:
        """One commit; where it has to be asked for, with so many after it, or before it."""
        found = self._recent.numbered(n) or self._seen.get(n)
        if found is not None:
            return found
        if ahead == 1:
            asked = self._item(n)
            items = [] if asked is None else [asked]
        else:
            low, high = (n, n + ahead - 1) if ahead > 0 else (max(0, n + ahead + 1), n)
            items = list(self._between(low, high, abs(ahead), newest=ahead < 0))
        for item in map(read_item, items):
            self._seen.add(item)
            found = item if item.n == n else found
        if found is None:
            raise self._lacking(n)
        return found

    def _origin(self) -> str:
        found = self._requests.get(self._requests.location.state, LOG)
        if found is None:
            raise StoreRefused(
                f"there is no log in dynamodb://{self._requests.location.prefix}; 'countersign store init' creates one"
            )
        return str(found["origin"]["S"])

    def _base(self) -> CommitItem:
        found = self._requests.get(self._requests.location.state, INDEXED)
        n = 0 if found is None else int(found["n"]["N"])
        item = self._item(n)
        if item is None:
            raise self._lacking(n)
        return read_item(item)

    def _add(self, later: list[CommitItem]) -> None:
        with self._lock:
            for item in later:
                if item.n > self._recent.head.n:  # else another thread was faster
                    self._recent.add(item)
            recent = self._recent
        commits, leaves = self._rebase_at
        if len(recent) > commits or recent.leaves > leaves:
            base = self._base()
            with self._lock:
                recent = self._recent = self._recent.from_base(base)
            # An index that is far behind is not asked about at every commit.
            self._rebase_at = len(recent) + _REBASED_AFTER, recent.leaves + _REBASED_AFTER_LEAVES

    def _item(self, n: int) -> Item | None:
        return self._requests.get(self._requests.location.log, {"log": {"S": self.origin}, "n": {"N": str(n)}})

    def _between(self, low: int, high: int | None, most: int | None = None, newest: bool = False) -> Iterator[Item]:
        values = {":log": {"S": self.origin}, ":n": {"N": str(low)}}
        condition = "#log = :log AND #n >= :n"
        if high is not None:
            condition, values[":high"] = "#log = :log AND #n BETWEEN :n AND :high", {"N": str(high)}
        options = {} if most is None else {"Limit": most}
        names = {"#log": "log", "#n": "n"}
        return self._requests.query(
            self._requests.location.log, condition, values, pages=most is None,
            ExpressionAttributeNames=names, ScanIndexForward=not newest, **options,
        )  # fmt: skip

    def _holding(self, index: int) -> CommitItem:
        found = self._recent.holding(index) or self._seen.holding(index)
        if found is not None:
            return found
        rows = self._requests.query(
            self._requests.location.state,
            "pk = :pk AND sk <= :sk",
            {":pk": {"S": AT}, ":sk": {"S": pad(index)}},
            ScanIndexForward=False,
            Limit=1,
        )
        nearest = next(rows, None)
        item = self.numbered(1 if nearest is None else int(nearest["n"]["N"]))
        if item.start > index:
            raise StoreRefused(f"the index puts leaf {index} into commit {item.n}, which begins at {item.start}")
        while item.size <= index:
            item = self._numbered(item.n + 1, _AHEAD)
        return item

    def _lacking(self, n: int) -> StoreRefused:
        return StoreRefused(f"the log {self.origin!r} lacks its commit {n}; run 'countersign audit fsck'")
