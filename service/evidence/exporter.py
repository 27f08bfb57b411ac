# SPDX-License-Identifier: Apache-2.0
"""Bring records to the log in order: one export in flight, re-sent byte for byte until acknowledged (contract §1).

Nothing overtakes: a sequence number is given when a group is formed, and the next group is formed when the last one is
durable. While an export is in flight the next group gathers, so load itself makes groups large and no timer is needed.
`Exporter.run` ends with the `end` record or with `EvidenceFatal`; whichever it is, no waiter is left behind.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from contracts import semconv
from contracts.acknowledgement import Acknowledgement
from contracts.otlp import AttributeValue, encode_export, span_ids, with_sequence
from service.errors import AnswerWithheld, EvidenceFatal
from service.evidence.backlog import Backlog
from service.evidence.deadlines import Deadlines
from service.evidence.receiver import ExportDelayed
from service.evidence.stream import Stream
from service.evidence.submission import Entry, Submission, Told

_LOG = logging.getLogger("countersign.evidence")
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0
_UNREADY_AFTER: Final = 5.0


class Limits(NamedTuple):
    """Seconds, records and bytes. A batch may take ``deadline`` and one second more per 5,000 rows."""

    deadline: float = 2.0
    backlog_records: int = 10_000
    backlog_bytes: int = 32 << 20
    heartbeat: float = 60.0


class Sink(Protocol):
    """Where exports go; `service.evidence.receiver.Receiver` is the real one."""

    async def export(self, body: bytes, count: int) -> Acknowledgement:
        """Raises ExportDelayed or EvidenceFatal."""

    def close(self) -> None:
        """No export follows."""


class Commit(NamedTuple):
    """What an acknowledgement tells the metrics: how many records, seconds since the first attempt, and one of them."""

    records: int
    seconds: float
    trace_id: bytes
    span_id: bytes


class Exporter:
    """All methods are called on the event loop that runs `run`."""

    def __init__(self, stream: Stream, sink: Sink, limits: Limits, on_commit: Callable[[Commit], None]) -> None:
        self.stream = stream
        self.limits = limits
        self.backlog = Backlog()
        self.log = ""
        self.started = asyncio.Event()
        """Set once release and canary are durable."""
        self._sink = sink
        self._on_commit = on_commit
        self._deadlines = Deadlines(limits.deadline)
        self._idle_since: float | None = None
        self._work = asyncio.Event()
        self._closing = False
        self._failure: str | None = None
        self._first_attempt: float | None = None
        self._delayed = False
        self._refusals = 0
        self._refused_first = 0
        self._refused_last = 0
        self._opening: list[bytes] = []

    # What the data plane calls

    def begin_with(self, span: bytes) -> None:
        """Write this right behind the canary; called before `run`. Nothing is predicted before it is durable."""
        self._opening.append(span)

    def admit(self) -> None:
        """Raise AnswerWithheld unless a prediction made now is likely to be durable in time. Counts what it refuses."""
        reason = self._obstacle()
        if reason is not None:
            now = time.time_ns()
            self._refused_first = self._refused_first if self._refusals else now
            self._refused_last = now
            self._refusals += 1
            raise AnswerWithheld("refused", reason)

    def submit(self, span: bytes, told: Told) -> None:
        """Queue one prediction; ``told`` is called when it is durable, or too late."""
        self._refuse_after_end()
        submission = Submission(1, told)
        self._deadlines.watch(submission)
        self.backlog.add(*submission.add((span,)))
        self._work.set()

    def begin_rows(self, count: int, told: Told) -> Submission:
        """A batch whose rows follow by `add_rows`: they are durable together or the answer is withheld."""
        self._refuse_after_end()
        submission = Submission(count, told)
        self._deadlines.watch_rows(submission, self.limits.deadline + count / 5000)
        return submission

    def add_rows(self, submission: Submission, spans: list[bytes]) -> None:
        """Queue the next predictions of a batch."""
        self._refuse_after_end()
        self.backlog.add_rows(submission.add(spans))
        self._work.set()

    def note(self, span: bytes) -> None:
        """Queue a record that nobody waits for."""
        self._refuse_after_end()
        self.backlog.add(Entry(span))
        self._work.set()

    def note_withheld(self, submission: Submission, request_ids: list[bytes], reason: str, rows: bool = False) -> None:
        """Queue one `withheld` record for each prediction of an answer that was not sent, ``rows`` or a single."""
        self._refuse_after_end()
        withheld = [
            Entry(self.stream.withheld(request_id, reason), target=target)
            for request_id, target in zip(request_ids, submission.entries, strict=True)
        ]
        # Behind their targets in the queue that `submit` and `add_rows` chose, so that the target's sequence number is
        # given first.
        if rows:
            self.backlog.add_rows(withheld)
        else:
            self.backlog.add(*withheld)
        self._work.set()

    @property
    def ready(self) -> bool:
        """Release and canary are durable, and no export has been failing for over five seconds."""
        return (
            self.started.is_set() and not self._closing and self._failure is None and self._waiting() <= _UNREADY_AFTER
        )

    # What the server calls

    async def run(self) -> None:
        """Send until `close`. Raises EvidenceFatal when the stream cannot go on."""
        self.backlog.add(Entry(self.stream.release()))
        self.backlog.add(Entry(self.stream.heartbeat()))
        for span in self._opening:
            self.backlog.add(Entry(span))
        group: list[Entry] = []
        beating = asyncio.create_task(self._beat())
        try:
            while self.backlog or not self._closing:
                await self._gather()
                group = self.backlog.take_group()
                if group:
                    await self._commit(group)
                    group = []
            # Whatever waited, in either queue, comes before it.
            self.backlog.add(Entry(self.stream.end()))
            group = self.backlog.take_group()
            await self._commit(group)
            group = []
        except EvidenceFatal as error:
            self._failure = str(error)
            raise
        finally:
            beating.cancel()
            self._failure = self._failure or "the evidence stream has ended"
            self._abandon(group + self.backlog.drain(), self._failure)
            self._sink.close()

    def close(self) -> None:
        """Nothing follows but what waits and the `end` record; `run` returns when that is durable."""
        if not self._closing:
            self._note_refusals()
            self._closing = True
            self._work.set()

    # One group

    async def _gather(self) -> None:
        if not self.backlog:
            self._work.clear()
            self._idle_since = time.monotonic()
            await self._work.wait()
            self._idle_since = None

    async def _beat(self) -> None:
        # Looks how long the stream has been idle, instead of a timer that each export would start and stop.
        while True:
            quiet = 0.0 if self._idle_since is None else time.monotonic() - self._idle_since
            if quiet >= self.limits.heartbeat:
                self.backlog.add(Entry(self.stream.heartbeat()))
                self._work.set()
                quiet = 0.0
            await asyncio.sleep(self.limits.heartbeat - quiet)

    async def _commit(self, group: list[Entry]) -> None:
        body = encode_export(self.stream.resource, self.stream.scope, [self._place(entry) for entry in group])
        self._first_attempt = time.monotonic()
        acknowledgement = await self._deliver(body, len(group))
        seconds = time.monotonic() - self._first_attempt
        self._first_attempt = None
        self._settle(group, acknowledgement)
        self._on_commit(Commit(len(group), seconds, *span_ids(group[0].span)))

    def _place(self, entry: Entry) -> bytes:
        entry.sequence = self.stream.next_sequence()
        late: Mapping[str, AttributeValue] | None = None
        if entry.target is not None:
            late = {semconv.TARGET_SEQ: entry.target.sequence}
        return with_sequence(entry.span, entry.sequence, late)

    async def _deliver(self, body: bytes, count: int) -> Acknowledgement:
        pause = _FIRST_PAUSE
        while True:
            try:
                acknowledgement = await self._sink.export(body, count)
            except ExportDelayed as delay:
                if not self._delayed:
                    _LOG.warning("evidence is delayed, sending again until acknowledged: %s", delay)
                self._delayed = True
                await asyncio.sleep(min(max(pause, delay.after), _LONGEST_PAUSE))
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                if self._delayed:
                    _LOG.warning("evidence is acknowledged again")
                self._delayed = False
                return acknowledgement

    def _settle(self, group: list[Entry], acknowledgement: Acknowledgement) -> None:
        self.log = acknowledgement.log
        self.backlog.release(group)
        durable: list[Submission] = []
        for entry, position in zip(group, acknowledgement.positions, strict=True):
            entry.position = position
            submission, entry.submission = entry.submission, None
            if submission is not None and submission.settle_one():
                durable.append(submission)
        if durable:
            # In the loop's next turn: the sidecar gets the next export before callers get their answers.
            asyncio.get_running_loop().call_soon(self._tell, durable)
        # The canary has sequence number 1.
        if group[-1].sequence >= 1:
            self.started.set()
        if not self._closing:
            self._note_refusals()

    def _tell(self, durable: list[Submission]) -> None:
        for submission in durable:
            submission.tell(None)
        self._deadlines.let_go()

    def _note_refusals(self) -> None:
        if self._refusals:
            span = self.stream.refused(self._refusals, self._refused_first, self._refused_last)
            self._refusals = 0
            self.backlog.add(Entry(span))

    def _abandon(self, entries: list[Entry], message: str) -> None:
        self.backlog.release(entries)
        for entry in entries:
            submission, entry.submission = entry.submission, None
            if submission is not None:
                submission.tell(AnswerWithheld("failed", message))
        self._deadlines.let_go()

    # Whether a prediction may be made

    def _waiting(self) -> float:
        return 0.0 if self._first_attempt is None else time.monotonic() - self._first_attempt

    def _obstacle(self) -> str | None:
        if self._failure is not None:
            return self._failure
        if self._closing:
            return "the service is stopping"
        if not self.started.is_set():
            return "the audit sidecar has not acknowledged this process yet"
        if self._waiting() > self.limits.deadline:
            return "the audit sidecar does not acknowledge evidence at present"
        if self.backlog.records >= self.limits.backlog_records or self.backlog.size >= self.limits.backlog_bytes:
            return "too many records wait for the audit sidecar"
        return None

    def _refuse_after_end(self) -> None:
        if self._closing or self._failure is not None:
            raise AnswerWithheld("failed", self._failure or "the service is stopping")
