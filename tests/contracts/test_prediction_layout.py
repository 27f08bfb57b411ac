# SPDX-License-Identifier: Apache-2.0
"""The facts of a prediction are what the walk over its every field finds, or the span is left to that walk."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import check_record, decode_span
from contracts.otlp import SpanLink, encode_attribute, encode_span, with_sequence
from contracts.prediction import PredictionEvent, to_span
from contracts.prediction_layout import Facts, read_prediction
from contracts.wire import bytes_field
from tests.contracts.spans import LINK, UINT64, mutated, raw

UUID7 = st.builds(lambda draw: draw[:6] + b"\x70" + draw[7:8] + b"\x80" + draw[9:], raw(16))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
EVENT = st.builds(
    PredictionEvent,
    request_id=UUID7, span_id=raw(8), start=UINT64, end=UINT64, subject=raw(16).map(bytes.hex), subject_key_id=TEXT,
    caller=TEXT, input=TEXT, answer=TEXT | st.integers(0, 20_000).map(lambda size: "x" * size), label=TEXT,
    score=st.floats(allow_nan=False), answer_status=st.just(200), client_request_id=st.none() | TEXT,
    batch_id=st.none() | TEXT, threshold=st.none() | st.floats(), explanation=st.none() | TEXT,
    guardrail_action=st.none() | TEXT,
)  # fmt: skip
EXAMPLE = PredictionEvent(
    request_id=bytes.fromhex("019430f2b4007000800000000000000a"), span_id=b"s" * 8, start=1, end=2, subject="ab" * 16,
    subject_key_id="k1", caller="web", input='{"a":1}', answer='{"b":2}', label="churn", score=0.75, answer_status=200,
    threshold=0.5, explanation="{}",
)  # fmt: skip


def encoded(event: PredictionEvent, sequence: int = 7, link: SpanLink | None = None) -> bytes:
    """The span as the service writes it."""
    return with_sequence(encode_span(to_span(event, "m", link)), sequence)


def facts(found: Facts | None) -> tuple[object, ...] | None:
    """What was found, places aside, which no walk finds."""
    return found and found[:7]


def walked(span: bytes) -> tuple[object, ...] | None:
    """What the general way finds; None when it refuses the span, or finds no prediction that was answered."""
    try:
        record = check_record(decode_span(span))
    except ContractError:
        return None
    view, attributes = record.span, record.span.attributes
    subject, label = attributes.get(semconv.SUBJECT), attributes.get(semconv.PREDICTION_LABEL)
    score = attributes.get(semconv.PREDICTION_SCORE)
    if record.kind != "prediction" or not isinstance(subject, str) or not isinstance(label, str):
        return None
    assert isinstance(score, float)
    return view.trace_id, view.span_id, view.end, record.sequence, subject, label, score


@given(EVENT, st.integers(0, (1 << 63) - 2))
def test_predictions_read_the_same_either_way(event: PredictionEvent, sequence: int) -> None:
    """Every prediction that the service writes: all facts, and short ones are always recognised."""
    span = encoded(event, sequence)
    found = read_prediction(span)
    assert facts(found) == walked(span) or (found is None and (len(event.answer) > 10_000 or sequence >> 56))
    if found is not None:
        end, subject, answer, score = found[7]
        assert span.startswith(b"\x41" + event.end.to_bytes(8, "little"), end)
        assert span.startswith(event.subject.encode(), subject)
        assert span.startswith(b"\x4a", answer)
        assert event.answer.encode() in span[answer:score]
        assert struct.unpack_from("<d", span, score) == (event.score,)


@given(st.data())
def test_what_is_only_like_a_prediction_is_never_read_differently(data: st.DataObject) -> None:
    """Bytes changed, cut, repeated: the facts are those that the walk finds, or there are none."""
    span = data.draw(
        mutated(encoded(data.draw(EVENT), data.draw(st.integers(0, 1 << 20)), data.draw(st.none() | LINK)))
    )
    found = read_prediction(span)
    if found is not None:
        Span.FromString(span)  # which is what lets a receiver do without it
    if found is not None and found[0][6] >> 4 == 7 and found[0][8] >> 6 == 2:  # which whoever reads it checks
        assert repr(facts(found)) == repr(walked(span))


def test_each_bit_of_a_prediction_counts() -> None:
    """No single changed bit gives facts that the walk does not find."""
    span = encoded(EXAMPLE, link=SpanLink(b"t" * 16, b"s" * 8))
    assert read_prediction(span) is not None
    for at in range(28, len(span)):
        for bit in range(8):
            changed = bytearray(span)
            changed[at] ^= 1 << bit
            found = read_prediction(bytes(changed))
            if found is not None:
                assert repr(facts(found)) == repr(walked(bytes(changed)))
                Span.FromString(bytes(changed))


OTHERS = {
    "empty": b"",
    "without its number": encode_span(to_span(EXAMPLE, "m")),
    "with its number twice": with_sequence(encoded(EXAMPLE), 7),
    "with an attribute twice": encoded(EXAMPLE)
    + bytes_field(9, encode_attribute(semconv.INPUT, "{}")),
    "with its number cut off": encoded(EXAMPLE)[:-1],
    "with another status": encoded(EXAMPLE).replace(b"\x18\xc8\x01", b"\x18\xc9\x01"),
    "of another kind": encoded(EXAMPLE).replace(b"\x0a\x0aprediction", b"\x0a\x0aheartbeats"),
    "with text that is not UTF-8": encoded(EXAMPLE).replace(b'{"b":2}', b'{"b":\xff}'),
    "with a subject that is not UTF-8": encoded(EXAMPLE).replace(b"ab" * 16, b"\xff" * 32),
    "with a name that is not UTF-8": encoded(EXAMPLE).replace(b"predict m", b"predict \xff"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_anything_else_is_left_to_the_walk(name: str) -> None:
    """Spans that the walk reads as something else, or refuses."""
    assert read_prediction(OTHERS[name]) is None


@given(EVENT, LINK)
def test_a_caller_s_trace_changes_no_fact(event: PredictionEvent, link: SpanLink) -> None:
    """A link stands between attributes and number."""
    span = with_sequence(encode_span(to_span(event, "m", link)), 7)
    found = read_prediction(span)
    assert facts(found) == walked(span) or (found is None and (len(event.answer) > 10_000 or link.trace_state))
