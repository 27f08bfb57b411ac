# SPDX-License-Identifier: Apache-2.0
"""Records that are not acknowledged yet: two queues, one count, and the next group to send.

Order within a queue is kept. Single records and batch rows are taken in turn, so that a batch of thousands does not
hold up a caller who asked for one prediction.
"""

from collections import deque
from typing import Final

from service.evidence.submission import Entry

GROUP_RECORDS: Final = 512
GROUP_BYTES: Final = 1 << 20
_ROWS_BESIDE_SINGLES: Final = 128
"""While single predictions come in, groups hold fewer rows: each single waits for the group in flight."""


class Backlog:
    """``records`` and ``size`` (bytes) count everything that was added and not yet released."""

    def __init__(self) -> None:
        self.records = 0
        self.size = 0
        self._singles: deque[Entry] = deque()
        self._rows: deque[Entry] = deque()
        self._singles_lately = False

    def __bool__(self) -> bool:
        """Whether anything waits for a group."""
        return bool(self._singles or self._rows)

    def add(self, entry: Entry) -> None:
        """Queue one record of its own."""
        self._singles.append(entry)
        self.records += 1
        self.size += len(entry.span)

    def add_rows(self, entries: list[Entry]) -> None:
        """Queue the rows of a batch."""
        self._rows.extend(entries)
        self.records += len(entries)
        self.size += sum(len(entry.span) for entry in entries)

    def take_group(self) -> list[Entry]:
        """The next records to send: at most 512 or 1 MiB, but at least one if any waits."""
        group: list[Entry] = []
        room = GROUP_BYTES
        rows_left = _ROWS_BESIDE_SINGLES if self._singles or self._singles_lately else GROUP_RECORDS
        self._singles_lately = bool(self._singles)
        single_next = True
        while len(group) < GROUP_RECORDS:
            rows = self._rows if rows_left else None
            queue = (self._singles or rows) if single_next else (rows or self._singles)
            if not queue:
                break
            room -= len(queue[0].span)
            if room < 0 and group:
                break
            if queue is rows:
                rows_left -= 1
            group.append(queue.popleft())
            single_next = queue is rows
        return group

    def release(self, group: list[Entry]) -> None:
        """A group is durable, or lost for good: it no longer counts."""
        self.records -= len(group)
        self.size -= sum(len(entry.span) for entry in group)

    def drain(self) -> list[Entry]:
        """Take whatever waits, in any number."""
        left = [*self._singles, *self._rows]
        self._singles.clear()
        self._rows.clear()
        return left
