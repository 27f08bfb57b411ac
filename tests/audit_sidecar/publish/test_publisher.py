# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are signed over what is durable, persisted before they are shown, and never go back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress

import pytest

from audit_sidecar.errors import Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.publisher import Floor, Publisher
from audit_sidecar.stores.store import Commit, SignedCheckpoint
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.merkle import Frontier, leaf_hash
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, foreign, stranger

STRANGER = Signer.from_seed("x.example", bytes(range(1, 33)))


class Recorder:
    """A writer that keeps checkpoints, or fails as it is told."""

    def __init__(self) -> None:
        self.put: list[SignedCheckpoint] = []
        self.leads = True
        self.failures: list[Exception] = []
        self.arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def commit(self, commit: Commit) -> None:
        """Not used by a publisher."""
        raise AssertionError(commit)

    def turn(self) -> AbstractContextManager[Frontier | None]:
        """Not used by a publisher."""
        raise AssertionError

    def lead(self) -> bool:
        """Whoever it is told to be."""
        return self.leads

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Keep it, or fail."""
        if self.failures:
            raise self.failures.pop(0)
        self.put.append(checkpoint)
        self._loop.call_soon_threadsafe(self.arrived.set)

    def close(self) -> None:
        """Nothing to do."""


class Tree:
    """A growing tree."""

    def __init__(self) -> None:
        self.frontier = Frontier()

    def grow(self) -> None:
        """One leaf more."""
        self.frontier = self.frontier.copy()
        self.frontier.append(leaf_hash(b"x"))


def signed(size: int, time: int = 1) -> SignedCheckpoint:
    """Another sidecar's checkpoint of this log."""
    root = size.to_bytes(32)
    return SignedCheckpoint(size, root, sign_checkpoint(Checkpoint(ORIGIN, size, root), [SIGNER]), time)


def publisher(tree: Tree, writer: Recorder, thread: ThreadPoolExecutor, newest: SignedCheckpoint | None) -> Publisher:
    floor = Floor() if newest is None else Floor(newest.size)
    return Publisher(lambda: tree.frontier, writer, [SIGNER], thread, SidecarMetrics("0.1.0", lambda: 0.0), floor)


async def test_every_size_is_signed_at_most_once() -> None:
    """The empty log too; nothing happens while the log does not grow, also after a restart."""
    tree, writer = Tree(), Recorder()
    with ThreadPoolExecutor(1) as thread:
        first = publisher(tree, writer, thread, None)
        for _ in range(3):
            await first.publish()
        tree.grow()
        await first.publish()
        await publisher(tree, writer, thread, writer.put[-1]).publish()
    assert [checkpoint.size for checkpoint in writer.put] == [0, 1]
    for checkpoint in writer.put:
        opened = open_checkpoint(checkpoint.note, [SIGNER.verifier])
        assert (opened.origin, opened.size, opened.root) == (ORIGIN, checkpoint.size, checkpoint.root)


async def test_what_could_not_be_persisted_is_signed_again() -> None:
    """A full disk delays a checkpoint; it does not skip one."""
    tree, writer = Tree(), Recorder()
    writer.failures.append(Pushback("full"))
    with ThreadPoolExecutor(1) as thread:
        running = asyncio.create_task(publisher(tree, writer, thread, None).run(interval=0.001))
        async with asyncio.timeout(10):
            await writer.arrived.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert [checkpoint.size for checkpoint in writer.put] == [0]


async def test_a_second_truth_ends_the_process() -> None:
    """Fatal comes out of the task, so that nothing goes on being signed."""
    tree, writer = Tree(), Recorder()
    writer.failures.append(Fatal("was signed before"))
    with ThreadPoolExecutor(1) as thread, pytest.raises(Fatal):
        await publisher(tree, writer, thread, None).run()
    assert writer.put == []


async def test_a_persisted_checkpoint_is_the_one_readers_see(log: Log) -> None:
    """From the store, with the root of the durable leaves, and counted."""
    log.send(stranger(*(foreign(number) for number in range(10))))
    assert log.reader.checkpoint() is None
    await log.publish()
    shown = log.reader.checkpoint()
    assert shown is not None
    assert (shown.size, shown.root) == (11, log.reader.frontier().root())
    assert open_checkpoint(shown.note, [SIGNER.verifier]).size == 11
    assert log.metrics.registry.get_sample_value("countersign_audit_checkpoint_size") == 11


async def test_only_the_holder_of_the_lease_signs() -> None:
    """Whoever does not publish shows what another signed, and signs only beyond it once it leads."""
    tree, writer = Tree(), Recorder()
    other = signed(1, 5_000_000_000)
    metrics = SidecarMetrics("0.1.0", lambda: 0.0)
    floor = Floor(-1, None, None, lambda: other)
    with ThreadPoolExecutor(1) as thread:
        follower = Publisher(lambda: tree.frontier, writer, [SIGNER], thread, metrics, floor)
        writer.leads = False
        tree.grow()
        await follower.publish()
        assert writer.put == []
        assert metrics.registry.get_sample_value("countersign_audit_checkpoint_size") == 1
        assert metrics.registry.get_sample_value("countersign_audit_checkpoint_timestamp_seconds") == 5
        writer.leads = True
        await follower.publish()
        assert writer.put == [], "that size was signed"
        tree.grow()
        await follower.publish()
    assert [checkpoint.size for checkpoint in writer.put] == [2]


async def test_a_new_leader_leaves_the_checkpoint_of_the_one_before_it() -> None:
    """That note may carry witnesses' lines, which one of the same size without them would replace."""
    tree, writer = Tree(), Recorder()
    other = signed(1)
    tree.grow()
    with ThreadPoolExecutor(1) as thread:
        metrics = SidecarMetrics("0.1.0", lambda: 0.0)
        new = Publisher(lambda: tree.frontier, writer, [SIGNER], thread, metrics, Floor(-1, None, None, lambda: other))
        await new.publish()
        assert new.leads
        assert writer.put == []
        tree.grow()
        await new.publish()
    assert [checkpoint.size for checkpoint in writer.put] == [2]


async def test_a_publisher_that_was_overtaken_signs_no_smaller_size() -> None:
    """It led, slept, and another came further meanwhile: it shows that checkpoint and goes on behind it."""
    tree, writer = Tree(), Recorder()
    stored: list[SignedCheckpoint | None] = [None]
    with ThreadPoolExecutor(1) as thread:
        metrics = SidecarMetrics("0.1.0", lambda: 0.0)
        floor = Floor(-1, None, None, lambda: stored[0])
        late = Publisher(lambda: tree.frontier, writer, [SIGNER], thread, metrics, floor)
        await late.publish()
        stored[0] = signed(2)
        tree.grow()
        writer.failures.append(HeadMoved("a larger one was signed"))
        await late.publish()
        tree.grow()
        await late.publish()
        assert [checkpoint.size for checkpoint in writer.put] == [0]
        tree.grow()
        await late.publish()
    assert [checkpoint.size for checkpoint in writer.put] == [0, 3]


PLANTED = {
    "no note": signed(1_000)._replace(note=b"rubbish"),
    "another key": signed(1_000)._replace(note=sign_checkpoint(Checkpoint("x.example", 1_000, bytes(32)), [STRANGER])),
    "another size": signed(5)._replace(size=1_000),
    "another root": signed(1_000)._replace(root=bytes(32)),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
@pytest.mark.parametrize("leads", [True, False])
async def test_a_checkpoint_that_nobody_signed_silences_nobody(planted: SignedCheckpoint, leads: bool) -> None:
    """It is told of, not shown; and when it is gone, what it seemed to cover is signed."""
    tree, writer = Tree(), Recorder()
    stored: list[SignedCheckpoint | None] = [planted]
    metrics = SidecarMetrics("0.1.0", lambda: 0.0)
    with ThreadPoolExecutor(1) as thread:
        floor = Floor(-1, None, None, lambda: stored[0])
        ours = Publisher(lambda: tree.frontier, writer, [SIGNER], thread, metrics, floor)
        writer.leads = leads
        tree.grow()
        with pytest.raises(Pushback):
            await ours.publish()
        assert metrics.registry.get_sample_value("countersign_audit_checkpoint_size") == 0
        stored[0], writer.leads = None, True
        await ours.publish()
    assert [checkpoint.size for checkpoint in writer.put] == [1]


async def test_a_checkpoint_that_cannot_be_read_is_waited_for() -> None:
    """Where it was tampered with; it ends no process, and nothing is signed on top of it."""

    def unreadable() -> SignedCheckpoint | None:
        raise StoreRefused("it cannot be read")

    tree, writer = Tree(), Recorder()
    with ThreadPoolExecutor(1) as thread:
        floor = Floor(-1, None, None, unreadable)
        metrics = SidecarMetrics("0.1.0", lambda: 0.0)
        with pytest.raises(Pushback, match="cannot be read"):
            await Publisher(lambda: tree.frontier, writer, [SIGNER], thread, metrics, floor).publish()
    assert writer.put == []
