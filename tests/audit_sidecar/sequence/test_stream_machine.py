# SPDX-License-Identifier: Apache-2.0
"""Producers that skip, repeat and re-send, a store that fails, a sidecar that restarts: what was acknowledged holds."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from audit_sidecar.errors import AuditError, Conflict, Fatal, Pushback
from audit_sidecar.sequence.export import Export
from audit_sidecar.stores.store import Commit
from contracts.acknowledgement import Position
from contracts.payload import Payload
from tests.audit_sidecar.producers import Log, Producer, foreign, new_log, stranger

PRODUCERS = [Producer(number) for number in range(1, 4)]
NUMBER = st.integers(0, len(PRODUCERS) - 1)
STEPS = st.lists(st.integers(-3, 2), min_size=1, max_size=5)
"""How far each record lies from the one its stream expects next: below zero a repeat, above zero a hole."""


class Evidence(RuleBasedStateMachine):
    """`acknowledged` is what senders were told; `lost` are numbers that were reported missing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log: Log = new_log(self.folder)
        self.acknowledged: dict[Payload, Position] = {}
        self.next = dict.fromkeys(range(len(PRODUCERS)), 0)
        self.lost: set[Payload] = set()
        self.checked = 0

    def plan(self, number: int, steps: list[int]) -> tuple[Export, int, set[Payload]]:
        """An export of these steps; the number expected after it, and what it reports missing."""
        producer, expected = PRODUCERS[number], self.next[number]
        payloads, missing = [], set[Payload]()
        for step in steps:
            seq = max(0, expected + step)
            payloads.append(producer.record(seq))
            missing |= {producer.record(skipped) for skipped in range(expected, seq)}
            expected = max(expected, seq + 1)
        return producer.send(*payloads), expected, missing

    def told(self, export: Export, positions: tuple[Position, ...]) -> None:
        """A sender learns its positions: the same as every time before."""
        assert len(positions) == len(export.payloads)
        for payload, position in zip(export.payloads, positions, strict=True):
            assert self.acknowledged.setdefault(payload, position) == position

    @rule(groups=st.lists(st.tuples(NUMBER, STEPS), min_size=1, max_size=3, unique_by=lambda group: group[0]))
    def send(self, groups: list[tuple[int, list[int]]]) -> None:
        """Several producers in one commit."""
        planned = [self.plan(*group) for group in groups]
        outcomes = self.log.committer.commit([export for export, _, _ in planned])
        for (number, _), (export, following, missing), outcome in zip(groups, planned, outcomes, strict=True):
            late = any(payload in self.lost | missing for payload in export.payloads)
            if isinstance(outcome, AuditError):
                assert isinstance(outcome, Conflict)
                assert late, "only what was reported missing comes too late"
                continue
            assert not late
            self.told(export, outcome)
            self.next[number] = following
            self.lost |= missing

    @rule(number=NUMBER, steps=STEPS, failure=st.sampled_from(["before", "after"]))
    def fail(self, number: int, steps: list[int], failure: str) -> None:
        """A commit fails; the sidecar ends if it must; the same export again is kept once."""
        export, _, _ = self.plan(number, [max(0, step) for step in steps])
        size, commit = self.log.reader.frontier().size, self.log.writer.commit

        def fails(made: Commit) -> None:
            if failure == "before":
                raise Pushback("full")
            commit(made)
            raise Fatal("the reply was lost")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.log.writer, "commit", fails)
            with pytest.raises(Pushback if failure == "before" else Fatal):
                self.log.committer.commit([export])
        if failure == "before":
            assert self.log.reader.frontier().size == size
        else:
            assert self.log.reader.frontier().size > size
            self.log.reload()
        self.send([(number, [max(0, step) for step in steps])] if failure == "before" else [])
        if failure == "after":
            export, following, missing = self.plan(number, [max(0, step) for step in steps])
            self.told(export, self.log.send(export))
            self.next[number] = following
            self.lost |= missing

    @rule(numbers=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "other"])), min_size=1, max_size=4))
    def send_foreign(self, numbers: list[tuple[int, str]]) -> None:
        """Strangers send few ids again and again, with two contents; a conflict is kept, a repeat is not."""
        export = stranger(*(foreign(number, text) for number, text in numbers))
        self.told(export, self.log.send(export))

    @rule(number=NUMBER, seq=st.integers(0, 9))
    def forge(self, number: int, seq: int) -> None:
        """A stranger's copy of a record is a foreign span, and moves no stream."""
        before = self.log.reader.stream(PRODUCERS[number].stream)
        (position,) = self.log.send(stranger(PRODUCERS[number].record(seq)))
        assert next(self.log.reader.records(position.leaf_index, position.leaf_index + 1)).leaf.kind == "span"
        assert self.log.reader.stream(PRODUCERS[number].stream) == before

    @rule()
    def restart(self) -> None:
        """The next process knows what the last one knew."""
        self.log.reload()

    @rule()
    def publish(self) -> None:
        """A checkpoint, which later ones must extend."""
        self.log.publish_now()

    @invariant()
    def what_was_acknowledged_is_in_the_store(self) -> None:
        """Every position ever told holds that hash, and the indexes up to the size are all there."""
        size = self.log.reader.frontier().size
        hashes = self.log.reader.leaf_hashes(0, size + 1)
        assert len(hashes) == size
        for position in self.acknowledged.values():
            assert hashes[position.leaf_index] == position.leaf_hash
        assert len({position.leaf_index for position in self.acknowledged.values()}) == len(self.acknowledged)

    @invariant()
    def streams_stand_where_their_producers_are(self) -> None:
        """The next number of each stream is the one its producer will use."""
        for number, producer in enumerate(PRODUCERS):
            state = self.log.reader.stream(producer.stream)
            assert (0 if state is None else state.next_seq) == self.next[number]

    def teardown(self) -> None:
        """The whole store is sound, and holds every acknowledged payload."""
        try:
            assert self.log.check().checkpoint.size == self.log.reader.frontier().size
            records = self.log.records()
            assert all(records[at.leaf_index].payload == payload for payload, at in self.acknowledged.items())
            gaps = [gap for producer in PRODUCERS for gap in self.log.reader.gaps(producer.stream)]
            assert sum(gap.last - gap.first + 1 for gap in gaps) == len(self.lost)
        finally:
            self.log.writer.close()
            shutil.rmtree(self.folder)


TestEvidence = Evidence.TestCase
TestEvidence.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
