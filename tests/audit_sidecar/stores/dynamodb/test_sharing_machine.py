# SPDX-License-Identifier: Apache-2.0
"""Sidecars on one log in DynamoDB, an indexer beside them, and requests that fail in every way: one sound log.

The machine's own look at the log goes past the proxy in which the faults are made.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from audit_sidecar.errors import AuditError, Conflict, Pushback
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.stores.url import create_store, open_indexer, open_reader
from audit_sidecar.tlog.merkle import consistency_proof, verify_consistency
from contracts.acknowledgement import Position
from contracts.payload import Payload
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import Fault, FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
SIDECARS = st.integers(0, 2)
PRODUCERS = [Producer(number) for number in range(1, 3)]
STEPS = st.lists(st.integers(-2, 1), min_size=1, max_size=3)
FAULT = st.one_of(st.none(), st.tuples(st.integers(1, 6), st.sampled_from(Fault)))
FaultAt = tuple[int, Fault] | None


class Sharing(RuleBasedStateMachine):
    """Producers send to any sidecar; ``acknowledged`` is what they were told, ``shown`` each checkpoint there was."""

    server: DynamoDb
    proxy: FaultyProxy

    def __init__(self) -> None:
        super().__init__()
        os.environ[ENDPOINT] = self.server.endpoint
        self.url = self.server.new_store()
        create_store(self.url, ORIGIN)
        self.reader = open_reader(self.url)
        self.sidecars = [self.started() for _ in range(3)]
        self.acknowledged: dict[Payload, Position] = {}
        self.next = [0] * len(PRODUCERS)
        self.pending: dict[int, Export] = {}
        self.shown: dict[int, SignedCheckpoint] = {}

    def started(self) -> Log:
        """A sidecar process."""
        os.environ[ENDPOINT] = self.proxy.endpoint
        log = sidecar_of(self.url)
        os.environ[ENDPOINT] = self.server.endpoint
        log.committer.pause = lambda _: None
        log.writer._turns._sleep = lambda _: None  # type: ignore[attr-defined]
        return log

    def commit(self, sidecar: int, items: list[Export | OwnRecord], fault: FaultAt) -> list[object]:
        """One group at one sidecar; None for each when senders have to come again."""
        if fault is not None:
            self.proxy.arm(*fault)
        try:
            return list(self.sidecars[sidecar].committer.commit(items))
        except Pushback:
            return [None] * len(items)
        finally:
            self.proxy.disarm()

    def told(self, export: Export, positions: object) -> None:
        """The same position every time, whichever sidecar says it."""
        assert isinstance(positions, tuple)
        for payload, position in zip(export.payloads, positions, strict=True):
            assert self.acknowledged.setdefault(payload, position) == position

    @rule(sidecar=SIDECARS, number=st.integers(0, 1), steps=STEPS, fault=FAULT)
    def send(self, sidecar: int, number: int, steps: list[int], fault: FaultAt) -> None:
        """A producer with one export in flight: what was not answered is sent again before anything else."""
        producer, expected = PRODUCERS[number], self.next[number]
        export = self.pending.get(number)
        if export is None:
            seqs = []
            for step in steps:
                seqs.append(max(0, expected + step))
                expected = max(expected, seqs[-1] + 1)
            export = producer.export(*seqs)
        (outcome,) = self.commit(sidecar, [export], fault)
        if outcome is None:
            self.pending[number] = export
            return
        self.pending.pop(number, None)
        state = self.reader.stream(producer.stream)
        self.next[number] = 0 if state is None else state.next_seq
        if isinstance(outcome, AuditError):
            assert isinstance(outcome, Conflict), "only what was reported missing is too late"
            return
        self.told(export, outcome)

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
        self.sidecars[sidecar] = self.started()

    @rule(sidecar=SIDECARS, fault=FAULT)
    def publish(self, sidecar: int, fault: FaultAt) -> None:
        """Whoever holds the lease signs, or learns that it does not hold it; three seconds may have gone by."""
        log = self.sidecars[sidecar]
        log.writer._lease._since -= 2.0  # type: ignore[attr-defined]
        if fault is not None:
            self.proxy.arm(*fault)
        try:
            log.publish_now()
        except Pushback:
            pass
        finally:
            self.proxy.disarm()

    @rule(fault=FAULT, most=st.integers(1, 9))
    def index(self, fault: FaultAt, most: int) -> None:
        """The index comes a little further, or is interrupted."""
        os.environ[ENDPOINT] = self.proxy.endpoint
        indexer = open_indexer(self.url)
        os.environ[ENDPOINT] = self.server.endpoint
        assert indexer is not None
        if fault is not None:
            self.proxy.arm(*fault)
        try:
            indexer.catch_up(most)
        except Pushback:
            pass
        finally:
            self.proxy.disarm()

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
        assert self.shown.setdefault(newest.size, newest).root == newest.root
        for earlier in self.shown.values():
            proof = consistency_proof(earlier.size, newest.size, StoreTree(self.reader))
            verify_consistency((earlier.size, earlier.root), (newest.size, newest.root), proof)

    def teardown(self) -> None:
        """What is pending is answered by any sidecar, and the whole store is sound, index and all."""
        for number in list(self.pending):
            self.send(0, number, [0], None)
        assert self.pending == {}
        last = self.sidecars[1]
        last.writer._lease.hold()  # type: ignore[attr-defined]
        last.writer._lease._since -= 9.0  # type: ignore[attr-defined]
        assert last.check().checkpoint.size == self.reader.frontier().size
        records = list(self.reader.records(0, self.reader.frontier().size))
        assert all(records[at.leaf_index].payload == payload for payload, at in self.acknowledged.items())
        for sidecar in self.sidecars:
            sidecar.writer.close()


def test_sidecars_that_share_a_log_keep_what_they_acknowledge(dynamodb: DynamoDb, proxy: FaultyProxy) -> None:
    """Whatever fails, whoever crashes: acknowledged is kept, one root for a size, each checkpoint extends the last."""
    Sharing.server, Sharing.proxy = dynamodb, proxy
    run_state_machine_as_test(
        Sharing,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert proxy.faults > 0
