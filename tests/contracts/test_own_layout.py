# SPDX-License-Identifier: Apache-2.0
"""The short way of reading a span finds what the walk over every field finds, or leaves the span to it."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import SpanView, _walk_span
from contracts.otlp import AttributeValue, EvidenceSpan, encode_attribute, encode_span, with_sequence
from contracts.own_layout import read_own_layout
from contracts.wire import bytes_field
from tests.contracts.spans import SPAN, VALUE, mutated, raw

NAMES = st.sampled_from([semconv.SUBJECT, semconv.INPUT, semconv.ANSWER, semconv.PREDICTION_SCORE, semconv.REASON])
LONG = st.integers(0, 5000).map(lambda size: "x" * size)
OWN = st.builds(
    EvidenceSpan,
    kind=st.sampled_from(semconv.RECORD_KINDS), trace_id=raw(16), span_id=raw(8), name=st.text("ab", max_size=200),
    start=st.integers(0, (1 << 64) - 1), end=st.integers(0, (1 << 64) - 1),
    attributes=st.dictionaries(NAMES, VALUE | LONG),
)  # fmt: skip


def walked(span: bytes) -> SpanView | None:
    """What the walk finds; None when it refuses."""
    try:
        return _walk_span(span)
    except ContractError:
        return None


def same(left: SpanView, right: SpanView | None) -> bool:
    """Equal, where a number that is none counts as equal to itself."""
    return repr(left) == repr(right)


def prediction(**attributes: AttributeValue) -> bytes:
    """A span as the service writes them."""
    named: Mapping[str, AttributeValue] = {f"countersign.{name}": value for name, value in attributes.items()}
    event = EvidenceSpan("prediction", b"t" * 16, b"s" * 8, "predict m", 1, 2, named)
    return with_sequence(encode_span(event), 300)


@given(OWN | SPAN, st.integers(0, 1 << 62))
def test_what_we_write_reads_the_same_either_way(span: EvidenceSpan, sequence: int) -> None:
    """Every span of our encoder, with values of each type and length."""
    encoded = with_sequence(encode_span(span), sequence)
    found = read_own_layout(encoded)
    assert found is None or SpanView(*found) == walked(encoded)


@given(st.data())
def test_what_is_only_like_ours_is_never_read_differently(data: st.DataObject) -> None:
    """Bytes changed, cut, repeated: the short way agrees with the walk, or leaves the span to it."""
    encoded = with_sequence(encode_span(data.draw(OWN)), data.draw(st.integers(0, 1 << 62)))
    damaged = data.draw(mutated(encoded))
    found = read_own_layout(damaged)
    assert found is None or same(SpanView(*found), walked(damaged))


def test_predictions_take_the_short_way() -> None:
    """Text, doubles and integers of a prediction are recognised; so the way is not only safe but used."""
    found = read_own_layout(
        prediction(input="{}", answer="y" * 300) + bytes_field(9, encode_attribute(semconv.COUNT, 7))
    )
    assert found is not None
    assert found[5][semconv.STREAM_SEQ] == 300
    assert found[5][semconv.COUNT] == 7


def test_what_the_walk_refuses_is_left_to_it() -> None:
    """A repeated attribute, text that is not UTF-8, a value cut short, and sizes that no encoder gives."""
    repeated = prediction(input="{}") + bytes_field(9, encode_attribute(semconv.INPUT, "{}"))
    key = bytes_field(1, semconv.REASON.encode())
    others = [prediction() + bytes_field(9, key + value) for value in (
        b"", b"\x00", b"\x12\x02\x0a", b"\x12\x03\x0a\x01\xff", b"\x00" * 130, b"\x00" * 133,
    )]  # fmt: skip
    shorter_than_its_key = prediction() + b"\x4a\x02" + key
    for span in (repeated, *others, shorter_than_its_key, prediction()[:-1], b""):
        assert read_own_layout(span) is None
