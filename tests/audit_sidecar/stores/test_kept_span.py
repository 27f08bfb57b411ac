# SPDX-License-Identifier: Apache-2.0
"""Spans are kept in few bytes and given back byte for byte, whatever they hold."""

import math
import struct
from importlib.resources import files

from hypothesis import example, given
from hypothesis import strategies as st

from audit_sidecar.stores.kept_span import NEWEST, PLAIN, KeptSpan, SpanKeeper
from audit_sidecar.stores.store import Finding
from bench.dictionary import train
from contracts import semconv
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf, leaf_text
from contracts.otlp import EvidenceSpan, encode_span, with_sequence
from contracts.prediction import PredictionEvent, to_span
from contracts.prediction_layout import read_prediction
from contracts.timestamps import format_time

SPANS = SpanKeeper()
MARK = st.sampled_from([b"\xff\xfe", b"\xff", b"\xfe", b"\x01", b"\x02", b"\x03", b"\x04", b"\x41", b"\x0a\x10"])
LEAVES = st.builds(
    Leaf, commitment=st.just(b""), kind=st.just("prediction"), span=st.binary(min_size=8, max_size=8) | MARK.map(
        lambda mark: (mark * 8)[:8]
    ), time=st.integers(0, (1 << 64) - 1), trace=st.binary(min_size=16, max_size=16),
).flatmap(lambda leaf: st.sampled_from([leaf, leaf._replace(id=leaf.trace), leaf._replace(id=bytes(16))]))  # fmt: skip


def known(leaf: Leaf) -> list[bytes]:
    """What a span may repeat of its leaf, whole and in parts."""
    ids = b"\x0a\x10" + leaf.trace + b"\x12\x08" + leaf.span
    clock = b"\x41" + leaf.time.to_bytes(8, "little")
    return [ids, ids[2:], clock, clock[1:], uuid_text(leaf.trace).encode(), format_time(leaf.time).encode()]


@st.composite
def spans_with_leaves(draw: st.DrawFn) -> tuple[bytes, Leaf, Finding]:
    """Bytes in which ids, times, what is found by and marks stand anywhere, any number of times."""
    leaf, finding = draw(LEAVES), draw(FINDINGS)
    texts = [(finding.subject or "").encode(), struct.pack("<d", finding.score or 0.0), struct.pack("<d", -0.0)]
    part = st.binary(max_size=6) | MARK | st.sampled_from([*known(leaf), *texts])
    return b"".join(draw(st.lists(part, max_size=12))), leaf, finding


FINDINGS = st.builds(
    Finding,
    subject=st.none() | st.sampled_from(["", "ab" * 16, "a", "\x00", "ÿþ"]) | st.text(max_size=9),
    score=st.none() | st.floats(allow_nan=False) | st.just(-0.0),
)
HOSTILE = Leaf(b"", "prediction", b"\x03" * 8, int.from_bytes(b"\xff\xfe\x01\xff\xfe\x02\xff\xfe", "little"), bytes(16))


@given(spans_with_leaves())
@example((b"", HOSTILE, Finding()))
@example((b"".join(known(HOSTILE)), HOSTILE, Finding()))
def test_any_span_comes_back_as_it_was(case: tuple[bytes, Leaf, Finding]) -> None:
    """Packing and unpacking with the same rows is the identity, and never makes a row longer."""
    span, leaf, finding = case
    kept = SPANS.pack(span, leaf, finding)
    assert SPANS.unpack(kept, leaf, finding) == span
    assert len(kept.data) <= len(span)
    assert SPANS.pack(span, leaf, finding, leaf_text(leaf)) == kept


def prediction(answer: str) -> tuple[bytes, Leaf]:
    """A span as the service writes them, and its leaf."""
    trace = bytes.fromhex("0199a3f2c0007abc8000") + b"xyzxyz"
    leaf = Leaf(b"", "prediction", b"\x01" * 8, 1_760_000_000_123_456_789, trace)
    attributes = {semconv.SUBJECT: "ab" * 16, semconv.INPUT: '{"tenure_months":3.5}', semconv.ANSWER: answer}
    span = EvidenceSpan("prediction", leaf.trace, leaf.span, "predict m", leaf.time - 9, leaf.time, attributes)
    return with_sequence(encode_span(span), 7), leaf


def test_a_prediction_takes_a_fraction_of_its_bytes() -> None:
    """A span of the service shrinks by more than half, ids and times left out."""
    span, leaf = prediction('{"churn_probability":0.25,"prediction":"retain","model_version":"1.0.0"}')
    kept = SPANS.pack(span, leaf)
    assert kept.dictionary == NEWEST
    assert len(kept.data) < len(span) / 2
    assert SPANS.unpack(kept, leaf) == span


@given(st.sampled_from([0.25, -1.0, 0.0, -0.0, math.nan]), st.booleans(), st.booleans())
def test_a_prediction_of_the_service_is_kept_the_same_either_way(score: float, asked: bool, told: bool) -> None:
    """Its places only save looking for what stands there."""
    trace, end = bytes.fromhex("0199a3f2c0007abc8000") + b"xyzxyz", 1_760_000_000_123_456_789
    answer = f'{{"request_id":"{uuid_text(trace) if asked else ""}","timestamp":"{format_time(end) if told else ""}"}}'
    event = PredictionEvent(
        request_id=trace, span_id=b"\x01" * 8, start=end - 9, end=end, subject="ab" * 16, subject_key_id="k1",
        caller="web", input="{}", answer=answer, label="churn", score=score, answer_status=200,
    )  # fmt: skip
    span = with_sequence(encode_span(to_span(event, "m")), 7)
    found = read_prediction(span)
    assert found is not None
    leaf = Leaf(bytes(32), "prediction", event.span_id, end, trace, trace, bytes(32), 7, bytes(16))
    finding = Finding(event.subject, event.label, None if math.isnan(score) else score)
    kept = SPANS.pack(span, leaf, finding, leaf_text(leaf), found[7])
    assert kept == SPANS.pack(span, leaf, finding)
    assert SPANS.unpack(kept, leaf, finding) == span


def test_another_leaf_gives_another_span() -> None:
    """The ids are the leaf's: a payload moved to another row does not come back as its own."""
    span, leaf = prediction("{}")
    assert SPANS.unpack(SPANS.pack(span, leaf), leaf._replace(span=b"\x02" * 8)) != span


@given(st.integers(0, 400), st.integers(1, 255))
@example(2, 208)
def test_a_damaged_row_never_breaks_the_reading(place: int, change: int) -> None:
    """Whatever byte of a row is changed, some other bytes come back, or the same span; nothing is raised."""
    span, leaf = prediction("{}")
    kept = SPANS.pack(span, leaf)
    data = bytearray(kept.data)
    data[place % len(data)] ^= change
    assert isinstance(SPANS.unpack(KeptSpan(kept.dictionary, bytes(data)), leaf), bytes)


def test_a_row_cannot_ask_for_more_memory_than_a_span_may_take() -> None:
    """A length beyond the bound, a cut length and an unknown dictionary give back the row's own bytes."""
    _, leaf = prediction("{}")
    for data in (b"\xff\xff\xff\xff\xff\x01abc", b"\xff", b""):
        assert SPANS.unpack(KeptSpan(NEWEST, data), leaf) == data
    for number in (PLAIN, 99):
        assert SPANS.unpack(KeptSpan(number, b"\x01x"), leaf) == b"\x01x"


def test_the_dictionary_is_what_its_program_makes() -> None:
    """The shipped file follows from synthetic spans alone: training them again gives the same bytes."""
    file = files("audit_sidecar.stores").joinpath("spans-1.zdict")
    assert file.read_bytes() == train()
