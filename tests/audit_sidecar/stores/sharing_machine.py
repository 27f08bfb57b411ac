# SPDX-License-Identifier: Apache-2.0
"""Sidecars on one log with requests and replies that are lost and processes that end: one log holds all acknowledged.

The machine is the same for every store that several sidecars share. What differs between them is a `Bed`: where the
faults are made, how a process ends and how its lease does. The machine's own look at the log goes past the faults.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from audit_sidecar.errors import AuditError, Conflict, Pushback
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.stores.index import Indexer
from audit_sidecar.stores.store import SignedCheckpoint, StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import open_checkpoint
from audit_sidecar.tlog.merkle import consistency_proof, verify_consistency
from contracts.acknowledgement import Position
from contracts.payload import Payload
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger

PRODUCERS = [Producer(number) for number in range(1, 4)]
SIDECARS = st.integers(0, 2)
FaultAt = tuple[int, Any] | None
FAULT: st.SearchStrategy[FaultAt] = st.one_of(st.none(), st.runner().flatmap(lambda machine: machine.faults))
STEPS = st.lists(st.integers(-2, 1), min_size=1, max_size=3)


class Proxy(Protocol):
    """Where the faults are made."""

    def arm(self, number: int, fault: Any, /) -> None:
        """A fault at the n-th message or request from here on."""

    def disarm(self) -> bool:
        """No fault from here on."""


class Bed(Protocol):
    """One kind of store under the machine."""

    @property
    def proxy(self) -> Proxy:
        """What processes reach the store through."""

    def begin(self) -> StoreReader:
        """Create a log of its own; a reader of it that no fault reaches."""

    def started(self) -> Log:
        """A sidecar process on it, whose requests the faults are made in."""

    def pass_time(self, log: Log) -> None:
        """Let a process try again what it put off."""

    def crash(self, log: Log) -> None:
        """End a process without a word."""

    def lease_runs_out(self, log: Log) -> None:
        """As it does some seconds after its holder was last heard of; this process has seen those seconds go by."""

    def indexer(self) -> Indexer | None:
        """An indexer whose requests the faults are made in; None where the store needs none."""


class Sharing(RuleBasedStateMachine):
    """Producers send to any sidecar; ``acknowledged`` is what they were told, ``shown`` each checkpoint there was."""

    bed: Bed
    faults: st.SearchStrategy[Any]

    def __init__(self) -> None:
        super().__init__()
        self.reader = self.bed.begin()
        self.sidecars = [self.started() for _ in range(3)]
        self.acknowledged: dict[Payload, Position] = {}
        self.next = [0] * len(PRODUCERS)
        self.pending: dict[int, tuple[Export, set[Payload]]] = {}
        self.shown: dict[int, SignedCheckpoint] = {}

    def started(self) -> Log:
        """A sidecar process that does not pause between attempts."""
        log = self.bed.started()
        log.committer.pause = lambda _: None
        return log

    @contextmanager
    def under(self, fault: FaultAt) -> Iterator[None]:
        """Make the fault, if there is one, while a block lasts."""
        if fault is not None:
            self.bed.proxy.arm(*fault)
        try:
            yield
        finally:
            self.bed.proxy.disarm()

    def told(self, export: Export, positions: object) -> None:
        """The same position every time, whichever sidecar says it."""
        assert isinstance(positions, tuple)
        for payload, position in zip(export.payloads, positions, strict=True):
            assert self.acknowledged.setdefault(payload, position) == position

    def commit(self, sidecar: int, items: list[Export | OwnRecord], fault: FaultAt) -> list[object]:
        """One group at one sidecar; None for each when senders have to come again."""
        self.bed.pass_time(self.sidecars[sidecar])
        with self.under(fault):
            try:
                return list(self.sidecars[sidecar].committer.commit(items))
            except Pushback:
                return [None] * len(items)

    @rule(sidecar=SIDECARS, number=st.integers(0, len(PRODUCERS) - 1), steps=STEPS, fault=FAULT)
    def send(self, sidecar: int, number: int, steps: list[int], fault: FaultAt) -> None:
        """A producer with one export in flight: what was not answered is sent again before anything else."""
        export, missing = self.pending.get(number) or self.made(number, steps)
        (outcome,) = self.commit(sidecar, [export], fault)
        if outcome is None:
            # Whether it was kept or not, the next sidecar that gets it knows.
            self.pending[number] = export, missing
            return
        self.pending.pop(number, None)
        producer = PRODUCERS[number]
        state = self.reader.stream(producer.stream)
        self.next[number] = 0 if state is None else state.next_seq
        if not isinstance(outcome, AuditError):
            self.told(export, outcome)
            return
        assert isinstance(outcome, Conflict)
        gaps = self.reader.gaps(producer.stream)
        reported = {producer.record(seq) for gap in gaps for seq in range(gap.first, gap.last + 1)}
        late = reported | missing
        assert any(payload in late for payload in export.payloads), "only what was reported missing is too late"

    def made(self, number: int, steps: list[int]) -> tuple[Export, set[Payload]]:
        """The next export of a producer, and the records that it leaves out."""
        producer, expected = PRODUCERS[number], self.next[number]
        payloads, missing = list[Payload](), set[Payload]()
        for step in steps:
            seq = max(0, expected + step)
            payloads.append(producer.record(seq))
            missing |= {producer.record(skipped) for skipped in range(expected, seq)}
            expected = max(expected, seq + 1)
        return producer.send(*payloads), missing

    @rule(sidecar=SIDECARS, numbers=st.lists(st.integers(0, 3), min_size=1, max_size=3), fault=FAULT)
    def send_foreign(self, sidecar: int, numbers: list[int], fault: FaultAt) -> None:
        """Strangers send the same few spans to any sidecar, beside an own record of it."""
        export = stranger(*(foreign(number) for number in numbers))
        outcome, _ = self.commit(sidecar, [export, OwnRecord("heartbeat", {})], fault)
        if outcome is not None:
            self.told(export, outcome)

    @rule(sidecar=SIDECARS)
    def crash(self, sidecar: int) -> None:
        """A process ends without a word, lease and all, and another takes its place."""
        self.bed.crash(self.sidecars[sidecar])
        self.sidecars[sidecar] = self.started()

    @rule(sidecar=SIDECARS, fault=FAULT)
    def publish(self, sidecar: int, fault: FaultAt) -> None:
        """Whoever holds the lease signs, or learns that it does not hold it."""
        self.bed.pass_time(self.sidecars[sidecar])
        with self.under(fault), suppress(Pushback):
            self.sidecars[sidecar].publish_now()

    @rule(sidecar=SIDECARS)
    def lease_runs_out(self, sidecar: int) -> None:
        """Nobody renewed it, and this sidecar has seen so."""
        self.bed.lease_runs_out(self.sidecars[sidecar])

    @rule(fault=FAULT, most=st.integers(1, 9))
    def index(self, fault: FaultAt, most: int) -> None:
        """The index comes a little further, or is interrupted."""
        indexer = self.bed.indexer()
        if indexer is not None:
            with self.under(fault), suppress(Pushback):
                indexer.catch_up(most)

    @invariant()
    def acknowledged_is_in_the_log(self) -> None:
        """Every position ever told holds that hash, no two records share one, and the log has no hole."""
        size = self.reader.frontier().size
        hashes = self.reader.leaf_hashes(0, size + 1)
        assert len(hashes) == size
        assert all(hashes[at.leaf_index] == at.leaf_hash for at in self.acknowledged.values())
        assert len({at.leaf_index for at in self.acknowledged.values()}) == len(self.acknowledged)

    @invariant()
    def checkpoints_have_one_truth(self) -> None:
        """One root for a size, and each consistent with all that were shown before."""
        newest = self.reader.checkpoint()
        if newest is None:
            return
        opened = open_checkpoint(newest.note, [SIGNER.verifier])
        assert (opened.size, opened.root) == (newest.size, newest.root)
        assert self.shown.setdefault(newest.size, newest).root == newest.root
        for earlier in self.shown.values():
            assert earlier.size <= newest.size
            proof = consistency_proof(earlier.size, newest.size, StoreTree(self.reader))
            verify_consistency((earlier.size, earlier.root), (newest.size, newest.root), proof)

    def teardown(self) -> None:
        """What is pending is answered by any sidecar, and the whole store is sound, index and all."""
        try:
            for number in list(self.pending):
                self.send(0, number, [0], None)
            assert self.pending == {}
            self.bed.lease_runs_out(self.sidecars[1])
            assert self.sidecars[1].check().checkpoint.size == self.reader.frontier().size
            records = list(self.reader.records(0, self.reader.frontier().size))
            assert all(records[at.leaf_index].payload == payload for payload, at in self.acknowledged.items())
        finally:
            for sidecar in self.sidecars:
                sidecar.writer.close()


def run_machine(bed: Bed, faults: st.SearchStrategy[Any], examples: int, steps: int) -> None:
    """Try so many sequences of at most so many steps; ``faults`` are numbers of requests with what happens to them."""
    Sharing.bed, Sharing.faults = bed, faults
    run_state_machine_as_test(
        Sharing,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
