# SPDX-License-Identifier: Apache-2.0
"""Sidecars on one log with commits and replies that are lost and processes that end: one log holds all acknowledged.

Faults are made in the connection to a real server: see `cutting_proxy`. The machine's own look at the log goes past it.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from audit_sidecar.errors import AuditError, Conflict, Pushback
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from audit_sidecar.tlog.checkpoint import open_checkpoint
from audit_sidecar.tlog.merkle import consistency_proof, verify_consistency
from contracts.acknowledgement import Position
from contracts.payload import Payload
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, stranger
from tests.audit_sidecar.stores.postgresql.cutting_proxy import Cut, CuttingProxy
from tests.audit_sidecar.stores.postgresql_server import Server

SIDECARS = st.integers(0, 2)
PRODUCERS = [Producer(number) for number in range(1, 4)]
STEPS = st.lists(st.integers(-2, 1), min_size=1, max_size=3)
FAULT = st.one_of(st.none(), st.tuples(st.integers(1, 60), st.sampled_from(Cut)))


class Sharing(RuleBasedStateMachine):
    """Producers send to any sidecar; ``acknowledged`` is what they were told, ``shown`` each checkpoint there was."""

    server: Server
    proxy: CuttingProxy

    def __init__(self) -> None:
        super().__init__()
        self.direct = self.server.new_database()
        create_store(self.direct, ORIGIN)
        self.url = self.direct.replace(f":{self.server.port}/", f":{self.proxy.port}/")
        self.reader = open_reader(self.direct)
        self.sidecars = [self.started() for _ in range(3)]
        self.acknowledged: dict[Payload, Position] = {}
        self.next = [0] * len(PRODUCERS)
        self.pending: dict[int, tuple[Export, set[Payload]]] = {}
        self.shown: dict[int, SignedCheckpoint] = {}

    def started(self) -> Log:
        """A sidecar process."""
        log = Log(self.url, open_reader(self.url), open_writer(self.url))
        log.committer.pause = lambda _: None
        return log

    def told(self, export: Export, positions: tuple[Position, ...]) -> None:
        """The same position every time, whichever sidecar says it."""
        for payload, position in zip(export.payloads, positions, strict=True):
            assert self.acknowledged.setdefault(payload, position) == position

    def commit(self, sidecar: int, items: list[Export | OwnRecord], fault: tuple[int, Cut] | None) -> list[object]:
        """One group at one sidecar; None for each when senders have to come again."""
        log = self.sidecars[sidecar]
        log.writer._session._not_before = 0.0  # type: ignore[attr-defined]
        if fault is not None:
            self.proxy.arm(*fault)
        try:
            return list(log.committer.commit(items))
        except Pushback:
            return [None] * len(items)
        finally:
            self.proxy.disarm()

    @rule(sidecar=SIDECARS, number=st.integers(0, 2), steps=STEPS, fault=FAULT)
    def send(self, sidecar: int, number: int, steps: list[int], fault: tuple[int, Cut] | None) -> None:
        """A producer with one export in flight: what was not answered is sent again before anything else."""
        producer, expected = PRODUCERS[number], self.next[number]
        if number in self.pending:
            export, missing = self.pending[number]
        else:
            payloads, missing = list[Payload](), set[Payload]()
            for step in steps:
                seq = max(0, expected + step)
                payloads.append(producer.record(seq))
                missing |= {producer.record(skipped) for skipped in range(expected, seq)}
                expected = max(expected, seq + 1)
            export = producer.send(*payloads)
        (outcome,) = self.commit(sidecar, [export], fault)
        if outcome is None:
            # Whether it was kept or not, the next sidecar that gets it knows.
            self.pending[number] = export, missing
            return
        self.pending.pop(number, None)
        state = self.reader.stream(producer.stream)
        self.next[number] = 0 if state is None else state.next_seq
        reported = {
            producer.record(seq) for gap in self.reader.gaps(producer.stream) for seq in range(gap.first, gap.last + 1)
        }
        if isinstance(outcome, AuditError):
            assert isinstance(outcome, Conflict)
            late = reported | missing
            assert any(payload in late for payload in export.payloads), "only what was reported missing is too late"
            return
        assert isinstance(outcome, tuple)
        self.told(export, outcome)

    @rule(sidecar=SIDECARS, numbers=st.lists(st.integers(0, 3), min_size=1, max_size=3), fault=FAULT)
    def send_foreign(self, sidecar: int, numbers: list[int], fault: tuple[int, Cut] | None) -> None:
        """Strangers send the same few spans to any sidecar, beside an own record of it."""
        export = stranger(*(foreign(number) for number in numbers))
        outcome, _ = self.commit(sidecar, [export, OwnRecord("heartbeat", {})], fault)
        if outcome is not None:
            assert isinstance(outcome, tuple)
            self.told(export, outcome)

    @rule(sidecar=SIDECARS)
    def crash(self, sidecar: int) -> None:
        """A process ends without a word, lease and all, and another takes its place."""
        self.sidecars[sidecar].writer._session.connection.close()  # type: ignore[attr-defined]
        self.sidecars[sidecar] = self.started()

    @rule(sidecar=SIDECARS, fault=FAULT)
    def publish(self, sidecar: int, fault: tuple[int, Cut] | None) -> None:
        """Whoever holds the lease signs, or learns that it does not hold it."""
        self.sidecars[sidecar].writer._session._not_before = 0.0  # type: ignore[attr-defined]
        if fault is not None:
            self.proxy.arm(*fault)
        try:
            self.sidecars[sidecar].publish_now()
        except Pushback:
            pass
        finally:
            self.proxy.disarm()

    @rule()
    def lease_runs_out(self) -> None:
        """As it does some seconds after its holder was last heard of."""
        self.server.run("UPDATE countersign.publisher SET until = '-infinity'", database=self.direct.rpartition("/")[2])

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
        """What is pending is answered by any sidecar, and the whole store is sound."""
        try:
            for number in list(self.pending):
                self.send(0, number, [0], None)
            assert self.pending == {}
            self.lease_runs_out()
            assert self.sidecars[1].check().checkpoint.size == self.reader.frontier().size
            records = list(self.reader.records(0, self.reader.frontier().size))
            assert all(records[at.leaf_index].payload == payload for payload, at in self.acknowledged.items())
        finally:
            for sidecar in self.sidecars:
                sidecar.writer.close()


@pytest.fixture
def proxy(postgresql: Server) -> Iterator[CuttingProxy]:
    with CuttingProxy(postgresql.port) as running:
        yield running


def test_sidecars_that_share_a_log_keep_what_they_acknowledge(postgresql: Server, proxy: CuttingProxy) -> None:
    """Whatever is cut, whoever crashes: acknowledged is kept, one root for a size, each checkpoint extends the last."""
    Sharing.server, Sharing.proxy = postgresql, proxy
    run_state_machine_as_test(
        Sharing,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert proxy.cuts > 0
