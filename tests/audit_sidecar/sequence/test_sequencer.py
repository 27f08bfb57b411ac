# SPDX-License-Identifier: Apache-2.0
"""The queue before the log: bounded, grouped by what gathers, and no waiter is ever left behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from audit_sidecar.errors import AuditError, Fatal, Pushback, Refused, StoreRefused
from audit_sidecar.sequence.committer import Committer
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.plan import Outcome
from audit_sidecar.sequence.sequencer import Bounds, Sequencer
from audit_sidecar.sequence.writer_thread import WriterThread
from contracts.acknowledgement import Position
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger


class Gated(Committer):
    """A committer that waits for the test before each group, counts groups, and fails as it is told."""

    def __init__(self) -> None:  # nothing of a real one is used
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.groups: list[list[int]] = []
        self.failures: list[Exception | None] = []
        self.lingers = 0.0
        self._size = 0

    @property
    def linger(self) -> float:
        """Seconds."""
        return self.lingers

    def commit(self, items: Sequence[Export | OwnRecord]) -> list[Outcome]:
        """Positions in order; an export without producer and with one span is refused."""
        self.entered.release()
        assert self.gate.acquire(timeout=10)
        self.groups.append([item.records for item in items])
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        outcomes: list[Outcome] = []
        for item in items:
            if item.size == REFUSED_SIZE:
                outcomes.append(Refused("told so"))
                continue
            outcomes.append(tuple(Position(self._size + at, bytes(32)) for at in range(item.records)))
            self._size += item.records
        return outcomes


REFUSED_SIZE = 12345
BOUNDS = Bounds()
PAYLOAD = foreign(1)


def export(records: int = 1, size: int = 10) -> Export:
    return Export(None, (PAYLOAD,) * records, size)


@asynccontextmanager
async def sequencing(
    committer: Committer, bounds: Bounds = BOUNDS, ends_with: type[Exception] | None = None
) -> AsyncIterator[Sequencer]:
    """A running sequencer; at the end its task has raised what the test expects, or nothing."""
    with WriterThread("test") as thread:
        sequencer = Sequencer(committer, bounds, thread)
        task = asyncio.create_task(sequencer.run())
        try:
            yield sequencer
        finally:
            if isinstance(committer, Gated):
                committer.gate.release(1000)
            if not task.done():
                task.cancel()
            with pytest.raises(ends_with or asyncio.CancelledError):
                await task


async def entered(committer: Gated) -> None:
    """Wait until a group is in the committer's hands."""
    assert await asyncio.get_running_loop().run_in_executor(None, lambda: committer.entered.acquire(timeout=10))


async def queued(sequencer: Sequencer, *exports: Export) -> list[asyncio.Task[tuple[Position, ...]]]:
    """Submit exports that will wait."""
    tasks = [asyncio.create_task(sequencer.submit(export)) for export in exports]
    await asyncio.sleep(0)
    return tasks


async def settled(tasks: Sequence[asyncio.Task[tuple[Position, ...]]]) -> list[tuple[Position, ...] | BaseException]:
    """How they ended."""
    async with asyncio.timeout(10):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_group_lingers_where_its_turn_is_far_off() -> None:
    """What comes meanwhile goes with it; without that each would have been a group."""
    committer = Gated()
    committer.lingers = 0.2
    committer.gate.release(9)
    async with sequencing(committer) as sequencer, asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(sequencer.submit(export()))
            for _ in range(5):
                await asyncio.sleep(0)
    assert committer.groups == [[1, 1, 1]]


async def test_a_real_log_acknowledges_what_is_durable(log: Log) -> None:
    """Positions, refusals and own records come back to whoever asked, concurrently."""
    producer = Producer()
    async with sequencing(log.committer) as sequencer:
        first, own, refused, foreign_one = await asyncio.gather(
            sequencer.submit(producer.export(0, 1)),
            sequencer.record("heartbeat", {}),
            sequencer.submit(producer.send(producer.record(1, "gap"))),
            sequencer.submit(stranger(foreign(1))),
            return_exceptions=True,
        )
    assert isinstance(refused, Refused)
    assert not isinstance(first, BaseException)
    assert not isinstance(own, BaseException)
    assert not isinstance(foreign_one, BaseException)
    held = log.reader.leaf_hashes(0, 9)
    for position in (*first, own, *foreign_one):
        assert held[position.leaf_index] == position.leaf_hash
    assert sequencer.last_success
    assert log.kinds() == ["release", "release", "prediction", "heartbeat", "span"]


async def test_an_empty_export_waits_for_nothing() -> None:
    """OTLP: an empty request succeeds."""
    async with sequencing(Gated()) as sequencer:
        assert await sequencer.submit(export(0)) == ()


async def test_the_next_group_gathers_while_one_is_committed() -> None:
    """Natural group commit: one alone, then everything that came meanwhile, up to the bounds of one commit."""
    committer = Gated()
    async with sequencing(committer, Bounds(commit_records=10, commit_bytes=100)) as sequencer:
        tasks = await queued(sequencer, export(1))
        await entered(committer)
        tasks += await queued(
            sequencer, export(4), export(6), export(1, size=99), export(1, size=2), export(30), export()
        )
        assert sequencer.waiting_records == 43
        committer.gate.release(100)
        outcomes = await settled(tasks)
    assert committer.groups == [[1], [4, 6], [1], [1], [30], [1]]
    assert [len(outcome) for outcome in outcomes if not isinstance(outcome, BaseException)] == [1, 4, 6, 1, 1, 30, 1]
    assert sequencer.waiting_records == 0


@pytest.mark.parametrize("bounds", [Bounds(queue_records=5), Bounds(queue_bytes=50)])
async def test_beyond_the_bounds_senders_come_again(bounds: Bounds) -> None:
    """In records or in bytes; an export that is alone passes whatever its size; own records always pass."""
    committer = Gated()
    async with sequencing(committer, bounds) as sequencer:
        tasks = await queued(sequencer, export(50, size=500))
        await entered(committer)
        tasks += await queued(sequencer, *(export() for _ in range(5)))
        with pytest.raises(Pushback, match="5 records wait"):
            await sequencer.submit(export())
        own = asyncio.create_task(sequencer.record("heartbeat", {}))
        committer.gate.release(100)
        assert not any(isinstance(outcome, BaseException) for outcome in await settled(tasks))
        await own
        assert len(await sequencer.submit(export())) == 1


async def test_pushback_is_told_to_the_group_and_the_next_goes_on() -> None:
    """Nothing of the group was kept; readiness says so until a commit succeeds."""
    committer = Gated()
    committer.failures = [Pushback("full"), None]
    async with sequencing(committer) as sequencer:
        tasks = await queued(sequencer, export(), export())
        await entered(committer)
        waiting = await queued(sequencer, export())
        committer.gate.release()
        assert [type(outcome) for outcome in await settled(tasks)] == [Pushback, Pushback]
        assert not sequencer.last_success
        committer.gate.release()
        assert [type(outcome) for outcome in await settled(waiting)] == [tuple]
        assert sequencer.last_success


async def test_a_refusal_is_told_to_its_sender_alone() -> None:
    """Its neighbours in the group are acknowledged."""
    committer = Gated()
    committer.gate.release(10)
    async with sequencing(committer) as sequencer:
        outcomes = await settled(await queued(sequencer, export(), export(size=REFUSED_SIZE), export()))
    assert [type(outcome) for outcome in outcomes] == [tuple, Refused, tuple]


@pytest.mark.parametrize(
    "error", [Fatal("unknown"), StoreRefused("cannot read"), RuntimeError("broken"), OSError("eio")]
)
async def test_what_is_fatal_fails_every_waiter_and_every_later_sender(error: Exception) -> None:
    """In the group, in the queue and afterwards; `run` raises Fatal, so that the process ends."""
    committer = Gated()
    committer.failures = [error]
    async with sequencing(committer, ends_with=Fatal) as sequencer:
        tasks = await queued(sequencer, export(), export())
        await entered(committer)
        tasks += await queued(sequencer, export(), export())
        committer.gate.release()
        assert [type(outcome) for outcome in await settled(tasks)] == [Fatal] * 4
        assert not sequencer.last_success
        for late in (sequencer.submit(export()), sequencer.record("end", {})):
            with pytest.raises(AuditError):
                await late
    assert len(committer.groups) == 1


async def test_a_sender_that_leaves_loses_nothing() -> None:
    """Its record is committed with its group, and the others are acknowledged."""
    committer = Gated()
    async with sequencing(committer) as sequencer:
        tasks = await queued(sequencer, export(1))
        await entered(committer)
        tasks += await queued(sequencer, export(2), export(3))
        for leaving in tasks[:2]:
            leaving.cancel()
        await asyncio.sleep(0)
        committer.gate.release(10)
        outcomes = await settled(tasks)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, asyncio.CancelledError, tuple]
    assert outcomes[2] == tuple(Position(at, bytes(32)) for at in (3, 4, 5))
    assert committer.groups == [[1], [2, 3]]


async def test_closing_takes_no_more_and_commits_what_waits() -> None:
    """The last own record still comes after everything else."""
    committer = Gated()
    async with sequencing(committer) as sequencer:
        tasks = await queued(sequencer, export())
        await entered(committer)
        tasks += await queued(sequencer, export())
        sequencer.close()
        with pytest.raises(Pushback, match="shutting down"):
            await sequencer.submit(export())
        committer.gate.release(10)
        end = await sequencer.record("end", {})
        assert not any(isinstance(outcome, BaseException) for outcome in await settled(tasks))
    assert end.leaf_index == 2
