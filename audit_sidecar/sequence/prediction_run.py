# SPDX-License-Identifier: Apache-2.0
"""Predictions of one stream that follow each other without a hole, which is what almost all of a log consists of.

A run makes the same records as the general way through `audit_sidecar.sequence.plan`, and judges its stream once.
"""

import math

from audit_sidecar.stores.store import Finding, NewRecord, StreamState
from audit_sidecar.tlog.merkle import leaf_hash
from contracts.commitment import commit_framed
from contracts.evidence import Origin
from contracts.identifiers import is_uuid7
from contracts.leaf import Leaf, PredictionLeaves
from contracts.payload import Frame, Payload, PayloadContext
from contracts.prediction_layout import Facts, read_prediction


class PredictionRun:
    """The stream as it stands after what was made of it so far."""

    def __init__(self, state: StreamState, origin: Origin) -> None:
        self.context: PayloadContext = state.context
        self._state = state
        self._stream, self._release = origin.stream, origin.release
        self._frame = Frame(state.context)
        self._leaves = PredictionLeaves(origin.release, origin.stream)
        self._next_seq, self._end = state.next_seq, state.last_time

    def state(self) -> StreamState:
        """The stream's new state."""
        return self._state._replace(next_seq=self._next_seq, last_time=self._end)

    def record(self, payload: Payload, facts: Facts | None, salt: bytes) -> NewRecord | None:
        """The record of a payload of this context, if it is the stream's next and a prediction in our layout."""
        span = payload.span
        facts = facts or read_prediction(span)
        if facts is None:
            return None
        trace, span_id, end, sequence, subject, label, score, places = facts
        if sequence != self._next_seq or not is_uuid7(trace):
            return None
        before, after = self._frame.around(len(span))
        commitment = commit_framed(salt, before, span, after)
        text = self._leaves.text(commitment, sequence, span_id, end, trace)
        leaf = Leaf(commitment, "prediction", span_id, end, trace, trace, self._release, sequence, self._stream)
        self._next_seq, self._end = sequence + 1, end
        finding = Finding(subject, label, None if math.isnan(score) else score)
        return NewRecord(leaf, leaf_hash(text), salt, payload, finding, text, places)
