# SPDX-License-Identifier: Apache-2.0
"""The commits of one log: those that the index covers are looked up there, later ones are held in memory.

The index follows the log behind it: whatever it does not cover yet is read from the log table itself, so a look-up is
as fresh as the log and its cost grows with the index's lag, not with the log.

Reader and writer of a process share one of these. While the writer plans, its own thread looks up without asking each
time whether the log went on: what it plans happens only if the log did not.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from audit_sidecar.errors import HeadMoved, StoreRefused
from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.dynamodb.blob import Kept
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, read_item
from audit_sidecar.stores.dynamodb.index_keys import AT, LOG, pad
from audit_sidecar.stores.dynamodb.packed import unpack_offsets
from audit_sidecar.stores.dynamodb.recent import Recent
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.seen import Seen
from audit_sidecar.stores.dynamodb.segments import Covered, covered, read_place
from audit_sidecar.stores.store import StreamState

_REBASED_AFTER: Final = 256
_REBASED_AFTER_LEAVES: Final = 50_000
_AHEAD: Final = 32
_NO_END: Final = 1 << 62


class Remembered(NamedTuple):
    """What one thread looked up lately: it holds for as long as the index is asked about the same commits."""

    base: int
    rows: dict[str, list[Item]]
    """What the index has in a partition."""
    spans: dict[SpanIds, Item | None]
    """The index items of foreign spans that were expected."""
    streams: dict[bytes, StreamState | None]
    """Of streams that did not move lately."""
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
        self._recent = Recent(*self._base())
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
            item = read_item(newest)
            self._recent = Recent(item, Covered(item.n))
        return self.head

    @contextmanager
    def turn(self, asked: bool) -> Iterator[CommitItem]:
        """Plan on the newest commit that is known; ``asked`` says that the log was asked for a newer one just now."""
        head = self.head
        self._planning.n, self._planning.asked = head.n, asked
        try:
            yield head
        finally:
            self._planning.n = None

    @property
    def planning(self) -> bool:
        """Whether this thread plans."""
        return self._planning.n is not None

    def remembered(self, recent: Recent) -> Remembered:
        """What this thread looked up since `forget`, of what these commits leave to the index."""
        found = self._planning.found
        if found is None or found.base != recent.base.n:
            found = self._planning.found = Remembered(recent.base.n, {}, {}, {}, {})
        return found

    @property
    def expecting(self) -> bool:
        """Whether this thread asks for what it told of before, though it does not plan."""
        return self._planning.found is not None and bool(self._planning.found.spans)

    def forget(self) -> None:
        """Remember nothing of before."""
        self._planning.found = None

    def newest(self) -> CommitItem:
        """The newest commit of the log, without those before it."""
        found = next(self._between(self.head.n, _NO_END, 1, newest=True), None)
        if found is None:
            raise self._lacking(self.head.n)
        return read_item(found)

    def rebase(self) -> Recent:
        """Let go of commits that the index covers by now; those that it does not."""
        base = self._base()
        with self._lock:
            self._recent = self._recent.from_base(*base)
        return self._recent

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

    def numbers(self, first: int, last: int) -> Iterator[CommitItem]:
        """The commits ``first`` to ``last``, in order, which the log is known to have."""
        return (self._numbered(n, min(_AHEAD, last + 1 - n)) for n in range(first, last + 1))

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
        try:
            return str(found["origin"]["S"])
        except KeyError as error:
            raise StoreRefused(
                f"the item 'log' of {self._requests.location.state} does not say which log it is; "
                "restore it from a copy"
            ) from error

    def _base(self) -> tuple[CommitItem, Covered]:
        found = covered(self._requests)
        item = self._item(found.n)
        if item is None:
            raise self._lacking(found.n)
        return read_item(item), found

    def _add(self, later: list[CommitItem]) -> None:
        with self._lock:
            for item in later:
                if item.n > self._recent.head.n:  # else another thread was faster
                    self._recent.add(item)
            recent = self._recent
        commits, leaves = self._rebase_at
        if len(recent) > commits or recent.leaves > leaves:
            recent = self.rebase()
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
            self._requests.location.state, "pk = :pk AND sk <= :sk",
            {":pk": {"S": AT}, ":sk": {"S": f"{pad(index)}#~"}},
            pages=False, ScanIndexForward=False, Limit=1,
        )  # fmt: skip
        nearest = next(rows, None)
        if nearest is None:
            raise StoreRefused(f"the index does not know leaf {index}; run 'countersign audit fsck'")
        start, n = read_place(nearest["sk"]["S"])
        starts = unpack_offsets(bytes(nearest["starts"]["B"]))
        item = self._numbered(n + max(0, bisect_right(starts, index - start) - 1), _AHEAD)
        if not item.start <= index < item.size:
            raise StoreRefused(f"the index puts leaf {index} into commit {item.n}, of {item.start} to {item.size}")
        return item

    def _lacking(self, n: int) -> StoreRefused:
        return StoreRefused(f"the log {self.origin!r} lacks its commit {n}; run 'countersign audit fsck'")
