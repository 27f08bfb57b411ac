# SPDX-License-Identifier: Apache-2.0
"""The stream of a read side: who read what, sent to a sidecar and durable before anything is shown (contract §1).

A producer like any other: release, canary, access records, heartbeats while idle, end; numbered without holes, one
export in flight, sent again byte for byte until it is acknowledged. While one is in flight the next records gather.
Whoever waits is told in bounded time, and what waits is bounded; a record whose asker has gone before it was given a
number is dropped, for nothing was shown.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from audit_sidecar.errors import Fatal, Pushback
from audit_sidecar.sequence.own_stream import OwnStream
from contracts.acknowledgement import Acknowledgement, Position
from contracts.otlp import AttributeValue, encode_export

_log = logging.getLogger(__name__)
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0
_UNREADY_AFTER: Final = 5.0
_MOST_IN_EXPORT: Final = 128


class Limits(NamedTuple):
    """Seconds, and how many records may wait."""

    deadline: float = 2.0
    heartbeat: float = 60.0
    waiting: int = 1_000


class Sink(Protocol):
    """Where exports go; `audit_sidecar.serve_receiver.Receiver` is the real one."""

    async def export(self, body: bytes, count: int) -> Acknowledgement:
        """Raises Pushback or Fatal."""


class _Waiting(NamedTuple):
    kind: str
    attributes: Mapping[str, AttributeValue]
    done: "asyncio.Future[Position]"


class AccessStream:
    """All methods are called on the loop that runs `run`. ``origin`` is the log that the records have to be in."""

    def __init__(self, own: OwnStream, sink: Sink, origin: str, limits: Limits) -> None:
        self._own = own
        self._sink = sink
        self._origin = origin
        self._limits = limits
        self._waiting: deque[_Waiting] = deque()
        self._work = asyncio.Event()
        self._next = 0
        self._open = self._closing = False
        self._failing_since: float | None = None
        self._reason = "release and canary are not acknowledged yet"

    @property
    def waiting(self) -> int:
        """Records that wait for a place in an export."""
        return len(self._waiting)

    @property
    def ready(self) -> bool:
        """Release and canary are durable, and no export has been failing for over five seconds."""
        return self._open and self._failing_for() <= _UNREADY_AFTER

    async def record(self, kind: str, attributes: Mapping[str, AttributeValue]) -> Position:
        """Write one record; durable on return. Pushback when that is not so within the deadline, or is not likely."""
        if self._closing:
            raise Pushback("the read side is stopping")
        failing = self._failing_for() > self._limits.deadline
        if failing or not self._open or len(self._waiting) >= self._limits.waiting:
            raise Pushback(f"that you ask cannot be recorded now, so nothing is shown: {self._reason}")
        done: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(kind, attributes, done))
        self._work.set()
        try:
            async with asyncio.timeout(self._limits.deadline):
                return await done
        except TimeoutError as error:
            raise Pushback(
                f"that you ask was not recorded within {self._limits.deadline:g} s, so nothing is shown: {self._reason}"
            ) from error

    async def run(self) -> None:
        """Send until `close` and the last record. Raises Fatal, after telling every waiter."""
        try:
            await self._send([("release", self._own.release_attributes()), ("heartbeat", {})])
            self._open = True
            while True:
                group = self._take()
                if group:
                    await self._send_waiting(group)
                elif self._closing:
                    break
                elif not await self._something_to_do():
                    await self._send([("heartbeat", {})])
            await self._send([("end", {})])
        finally:
            self._closing = True
            for waiting in self._waiting:
                if not waiting.done.done():
                    waiting.done.set_exception(Pushback("the read side ends"))
            self._waiting.clear()

    def close(self) -> None:
        """Take no more records; what waits is still sent, and then the last one."""
        self._closing = True
        self._work.set()

    async def _something_to_do(self) -> bool:
        self._work.clear()
        try:
            async with asyncio.timeout(self._limits.heartbeat):
                return await self._work.wait()
        except TimeoutError:
            return False

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._waiting and len(group) < _MOST_IN_EXPORT:
            waiting = self._waiting.popleft()
            if not waiting.done.done():
                group.append(waiting)
        return group

    async def _send_waiting(self, group: Sequence[_Waiting]) -> None:
        try:
            positions = await self._send([(waiting.kind, waiting.attributes) for waiting in group])
        except BaseException:
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_exception(Pushback("the read side ends"))
            raise
        for waiting, position in zip(group, positions, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(position)

    async def _send(self, records: Sequence[tuple[str, Mapping[str, AttributeValue]]]) -> Sequence[Position]:
        """Give the records their numbers and send them until they are acknowledged."""
        payloads = [
            self._own.payload(kind, number, attributes)
            for number, (kind, attributes) in enumerate(records, start=self._next)
        ]
        self._next += len(records)
        context = payloads[0].context
        body = encode_export(context.resource or b"", context.scope or b"", [payload.span for payload in payloads])
        pause = _FIRST_PAUSE
        while True:
            try:
                acknowledged = await self._sink.export(body, len(records))
            except Pushback as error:
                self._failed(str(error))
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)
                continue
            if acknowledged.log != self._origin:
                raise Fatal(
                    f"the sidecar keeps the log {acknowledged.log!r}, the store holds {self._origin!r}: "
                    "name the sidecar of this log, or the store of that one"
                )
            self._succeeded()
            return acknowledged.positions

    def _failed(self, reason: str) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            _log.error("nothing is shown that has to be recorded: %s", reason)
        self._reason = reason

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            _log.info("the sidecar takes access records again")
        self._failing_since = None
        self._reason = "the sidecar is slow"

    def _failing_for(self) -> float:
        return 0.0 if self._failing_since is None else time.monotonic() - self._failing_since
