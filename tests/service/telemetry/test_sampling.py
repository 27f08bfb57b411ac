# SPDX-License-Identifier: Apache-2.0
"""A ratio means what it says, although trace ids are UUIDv7s."""

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, TraceIdRatioBased

from contracts.identifiers import IdSource
from service.telemetry.sampling import RequestIds, RequestIdSampler

COUNT = 4000


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.75, 1.0])
def test_a_ratio_is_kept(ratio: float) -> None:
    """Within five standard deviations of the binomial distribution; 0 and 1 are exact."""
    ids, sampler = IdSource(), RequestIdSampler(TraceIdRatioBased(ratio))
    taken = sum(
        sampler.should_sample(None, int.from_bytes(ids.request_id()), "x").decision is Decision.RECORD_AND_SAMPLE
        for _ in range(COUNT)
    )
    assert abs(taken - ratio * COUNT) <= 5 * (ratio * (1 - ratio) * COUNT) ** 0.5


def test_the_stock_sampler_alone_could_not() -> None:
    """The reason for ours: half of the request ids should be taken, and none is."""
    ids, sampler = IdSource(), TraceIdRatioBased(0.5)
    decisions = {sampler.should_sample(None, int.from_bytes(ids.request_id()), "x").decision for _ in range(200)}
    assert decisions == {Decision.DROP}


def test_the_other_sampler_decides_and_is_named() -> None:
    """Nothing is added to its decision."""
    sampler = RequestIdSampler(ALWAYS_OFF)
    assert sampler.should_sample(None, 1, "x").decision is Decision.DROP
    assert sampler.get_description() == ALWAYS_OFF.get_description()


def test_ids() -> None:
    """The trace id is the one that was set, span ids are fresh and fit."""
    ids = RequestIds(IdSource())
    ids.trace_id = 7
    assert ids.generate_trace_id() == 7
    spans = {ids.generate_span_id() for _ in range(100)}
    assert len(spans) == 100
    assert all(0 < span < 1 << 64 for span in spans)
    assert ids.is_trace_id_random()
