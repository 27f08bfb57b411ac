# SPDX-License-Identifier: Apache-2.0
"""Natural group commit: while one commit is being made durable, the next group gathers; no batch size, and no timer
but where sidecars wait for each other.

`Sequencer.submit` returns only when the export is durable. One thread plans and commits, so the loop never waits for a
disk. What is waiting is bounded in records and bytes; beyond the bound a sender is told to come again.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from audit_sidecar.errors import AuditError, Fatal, Pushback
from audit_sidecar.sequence.committer import Committer
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.plan import Outcome
from audit_sidecar.sequence.writer_thread import WriterThread
from contracts.acknowledgement import Position
from contracts.otlp import AttributeValue


class Bounds(NamedTuple):
    """How much may wait, and how much one commit takes. An export that is alone always passes."""

    queue_records: int = 50_000
    queue_bytes: int = 128 << 20
    commit_records: int = 4_096
    commit_bytes: int = 8 << 20


class _Waiting(NamedTuple):
    item: Export | OwnRecord
    done: asyncio.Future[tuple[Position, ...]]


class Sequencer:
    """Gives every span its place. `run` must be running; when it raises Fatal the process has to end."""

    def __init__(self, committer: Committer, bounds: Bounds, thread: WriterThread) -> None:
        self._committer = committer
        self._bounds = bounds
        self._thread = thread
        self._queue: deque[_Waiting] = deque()
        self._records = self._bytes = 0
        self._failure: Fatal | None = None
        self._closing = False
        self._ended: asyncio.Future[None] | None = None
        """Of a `run` that is under way."""
        self._busy = False
        """Whether a group is in the thread's hands, or about to be."""
        self.last_success = False
        """Whether the last commit that was tried became durable."""

    @property
    def waiting_records(self) -> int:
        """Records that wait for a commit."""
        return self._records

    async def submit(self, export: Export) -> tuple[Position, ...]:
        """Positions of the export's spans, durable. Refused, Pushback or Fatal otherwise."""
        if self._closing:
            raise Pushback("the sidecar is shutting down")
        if not export.payloads:
            return ()
        full = self._records >= self._bounds.queue_records or self._bytes >= self._bounds.queue_bytes
        if full:
            raise Pushback(f"{self._records} records wait already")
        return await self._enqueue(export)

    async def record(self, kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        """Write one record of the sidecar's own stream; durable on return."""
        (position,) = await self._enqueue(OwnRecord(kind, attributes))
        return position

    async def run(self) -> None:
        """Commit group after group until cancelled. Raises Fatal, after telling every waiter."""
        self._ended = asyncio.get_running_loop().create_future()
        self._begin()
        try:
            await self._ended
        finally:
            self._ended = None

    def close(self) -> None:
        """Take no more exports; what waits is still committed."""
        self._closing = True

    async def _enqueue(self, item: Export | OwnRecord) -> tuple[Position, ...]:
        if self._failure is not None:
            raise self._failure
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._records += item.records
        self._bytes += item.size
        self._begin()
        return await waiting.done

    def _begin(self) -> None:
        if self._queue and not self._busy and self._ended is not None:
            self._busy = True
            # Not at once: what comes in the same turn of the loop goes with it. Senders that were answered together
            # come again one after the other; where turns at the log are waited for, they should not miss one.
            loop, linger = self._ended.get_loop(), self._committer.linger
            if linger:
                loop.call_later(linger, self._hand_over, self._ended)
            else:
                loop.call_soon(self._hand_over, self._ended)

    def _hand_over(self, ended: asyncio.Future[None]) -> None:
        if ended.done():
            self._busy = False
        else:
            self._thread.post(self._commit, ended, self._take_group())

    def _commit(self, ended: asyncio.Future[None], group: list[_Waiting]) -> None:
        """In the thread: one group. The loop is told by one call."""
        outcomes: Sequence[Outcome] | AuditError
        try:
            outcomes = self._committer.commit([waiting.item for waiting in group])
        except Pushback as error:
            # Without the way it came: that holds the group, which holds whoever is told.
            outcomes = error.with_traceback(None)
        except Fatal as error:
            outcomes = error
        except Exception as error:
            # Whatever else goes wrong, no waiter is left behind and nothing more is acknowledged.
            outcomes = Fatal(f"{type(error).__name__}: {error}")
            outcomes.__cause__ = error
        ended.get_loop().call_soon_threadsafe(self._tell, ended, group, outcomes)

    def _tell(
        self, ended: asyncio.Future[None], group: list[_Waiting], outcomes: Sequence[Outcome] | AuditError
    ) -> None:
        self._busy = False
        if isinstance(outcomes, Fatal):
            self._fail(group, outcomes)
            if not ended.done():
                ended.set_exception(outcomes)
            return
        self.last_success = not isinstance(outcomes, AuditError)
        self._begin()
        for at, waiting in enumerate(group):
            _settle(waiting.done, outcomes if isinstance(outcomes, AuditError) else outcomes[at])

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        records = size = 0
        while self._queue:
            item = self._queue[0].item
            over = records + item.records > self._bounds.commit_records or size + item.size > self._bounds.commit_bytes
            if group and over:
                break
            records += item.records
            size += item.size
            group.append(self._queue.popleft())
        self._records -= records
        self._bytes -= size
        return group

    def _fail(self, group: list[_Waiting], error: Fatal) -> None:
        self._failure = error
        self.last_success = False
        for waiting in [*group, *self._queue]:
            _settle(waiting.done, error)
        self._queue.clear()


def _settle(done: asyncio.Future[tuple[Position, ...]], outcome: tuple[Position, ...] | AuditError) -> None:
    if done.done():  # the sender has gone; its record stays, and a repeat gets the same position
        return
    if isinstance(outcome, AuditError):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
