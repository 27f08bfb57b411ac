# SPDX-License-Identifier: Apache-2.0
"""A prediction event survives its span, read by our decoder and by OpenTelemetry's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import decode_span
from contracts.otlp import SpanLink, encode_span, with_sequence
from contracts.prediction import PredictionEvent, from_span, to_span

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
TIME = st.integers(0, 2**63)
EVENTS = st.builds(
    PredictionEvent,
    request_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    start=TIME,
    end=TIME,
    subject=TEXT,
    subject_key_id=TEXT,
    caller=TEXT,
    input=TEXT,
    answer=TEXT,
    label=TEXT,
    score=st.floats(0, 1),
    answer_status=st.integers(100, 599),
    client_request_id=st.none() | TEXT,
    batch_id=st.none() | TEXT,
    threshold=st.none() | st.floats(0, 1),
    explanation=st.none() | TEXT,
    guardrail_action=st.none() | TEXT,
)


@given(EVENTS)
def test_event_survives_its_span(event: PredictionEvent) -> None:
    """What is written is what is read, to the last bit of a score."""
    assert from_span(decode_span(with_sequence(encode_span(to_span(event, "m")), 7))) == event


@given(EVENTS, st.integers(0, 2**62))
def test_stock_protobuf_reads_the_same(event: PredictionEvent, sequence: int) -> None:
    """The bytes are an ordinary OTLP span of kind SERVER with a link."""
    link = SpanLink(b"t" * 16, b"s" * 8, "a=b")
    span = Span.FromString(with_sequence(encode_span(to_span(event, "m", link)), sequence))
    attributes = {attribute.key: attribute.value for attribute in span.attributes}
    assert (span.name, span.kind) == ("predict m", Span.SPAN_KIND_SERVER)
    assert (span.trace_id, span.span_id) == (event.request_id, event.span_id)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (event.start, event.end)
    assert attributes[semconv.INPUT].string_value == event.input
    assert attributes[semconv.PREDICTION_SCORE].double_value == event.score
    assert attributes[semconv.STREAM_SEQ].int_value == sequence
    assert (semconv.BATCH_ID in attributes) == (event.batch_id is not None)
    assert [(found.trace_id, found.trace_state) for found in span.links] == [(link.trace_id, "a=b")]
    assert len(span.attributes) == len(attributes)


@pytest.mark.parametrize("name", [semconv.SUBJECT, semconv.INPUT, semconv.ANSWER, semconv.PREDICTION_LABEL])
def test_span_that_lacks_a_part_is_no_prediction(name: str) -> None:
    """Each required attribute is missed by name of the event's field."""
    event = PredictionEvent(
        request_id=b"r" * 16, span_id=b"s" * 8, start=1, end=2, subject="s", subject_key_id="k", caller="c", input="{}",
        answer="{}", label="l", score=0.5, answer_status=200,
    )  # fmt: skip
    view = decode_span(encode_span(to_span(event, "m")))
    attributes = {key: value for key, value in view.attributes.items() if key != name}
    with pytest.raises(ContractError, match="not a prediction"):
        from_span(view._replace(attributes=attributes))
    with pytest.raises(ContractError, match="not a prediction"):
        from_span(view._replace(attributes={**view.attributes, name: 7}))
