# SPDX-License-Identifier: Apache-2.0
"""Predictions placed as a run become the records that they become one by one."""

from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_sidecar.errors import AuditError
from audit_sidecar.sequence import prediction_run
from audit_sidecar.sequence.export import Export
from audit_sidecar.sequence.plan import Plan
from audit_sidecar.sequence.streams import StreamTable
from audit_sidecar.stores.store import NewRecord, StreamState
from contracts.commitment import commit
from contracts.leaf import derive_leaf, leaf_text
from contracts.payload import Payload, payload_bytes
from contracts.prediction_layout import read_prediction
from tests.audit_sidecar.producers import Log, Producer, foreign

OURS, OTHER = Producer(1), Producer(2, name="other")
PAYLOAD = st.one_of(
    st.builds(OURS.record, st.integers(0, 12)),
    st.builds(OURS.record, st.integers(0, 12), st.sampled_from(["reject", "heartbeat", "end"])),
    st.builds(OTHER.record, st.integers(0, 3)),
    st.builds(foreign, st.integers(0, 3)),
)
RUN = st.integers(1, 8).map(lambda start: [OURS.record(seq) for seq in range(start, start + 4)])
EXPORT = st.lists(PAYLOAD.map(lambda payload: [payload]) | RUN, max_size=4).map(lambda parts: list(chain(*parts)))


def kept(record: NewRecord) -> tuple[object, ...]:
    """A record without what is random in it, after checking that part."""
    assert commit(record.salt, payload_bytes(record.payload)) == record.leaf.commitment
    assert record.leaf == derive_leaf(record.payload, record.leaf.commitment, record.leaf.kind)
    assert record.text == leaf_text(record.leaf)
    own = record.leaf.kind == "gap"  # its ids are random, too
    return (record.leaf.kind, record.leaf.seq, None if own else record.payload, record.finding)


def planned(log: Log, exports: list[list[Payload]]) -> tuple[object, ...]:
    """What one group becomes on top of an empty log."""
    streams = StreamTable(lambda _: None)
    plan = Plan(0, streams, log.own, lambda *_: [])
    plan.add(Export(OURS.name, (OURS.record(0),), 0))
    outcomes = [plan.add(Export(OURS.name, tuple(export), 0)) for export in exports]
    told = [str(o) if isinstance(o, AuditError) else [at.leaf_index for at in o] for o in outcomes]
    states: list[StreamState] = [state for state in streams.changed.values() if state.stream != log.own.stream]
    return told, [kept(record) for record in plan.records], states, plan.gaps, plan.counts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EXPORT, max_size=4))
def test_a_run_is_what_its_records_are(log: Log, exports: list[list[Payload]]) -> None:
    """Runs with holes, repeats, other streams, strangers and refusals between them, in one group."""
    in_runs = planned(log, exports)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction_run, "read_prediction", lambda _: None)
        one_by_one = planned(log, exports)
    assert in_runs == one_by_one


def test_runs_are_taken() -> None:
    """The records of these tests are in the layout that makes a run, and some are not."""
    assert [read_prediction(OURS.record(seq).span) is not None for seq in range(1, 6)] == [
        True, True, True, False, True,
    ]  # fmt: skip
