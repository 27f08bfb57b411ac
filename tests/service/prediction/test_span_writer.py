# SPDX-License-Identifier: Apache-2.0
"""The fast writer of spans writes what the plain encoder writes."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.otlp import SpanLink, encode_span
from contracts.prediction import PredictionEvent, to_span
from service.prediction.span_writer import SpanWriter

IDS = st.binary(min_size=16, max_size=16)
SHORT_IDS = st.binary(min_size=8, max_size=8)
TIMES = st.integers(0, 2**64 - 1)
TEXTS = st.text(max_size=20) | st.text(alphabet="aé", min_size=120, max_size=140)
LONG: st.SearchStrategy[str] = TEXTS | st.just("x" * 20_000)
LINKS = st.none() | st.builds(SpanLink, IDS, SHORT_IDS, st.text(max_size=20))
EVENTS = st.builds(
    PredictionEvent,
    request_id=IDS,
    span_id=SHORT_IDS,
    start=TIMES,
    end=TIMES,
    subject=TEXTS,
    subject_key_id=TEXTS,
    caller=TEXTS,
    input=TEXTS,
    answer=LONG,
    label=TEXTS,
    score=st.floats(),
    answer_status=st.integers(100, 599),
    client_request_id=st.none() | TEXTS,
    batch_id=st.none() | TEXTS,
    threshold=st.none() | st.floats(),
    explanation=st.none() | TEXTS,
    guardrail_action=st.none() | TEXTS,
)


@given(event=EVENTS, link=LINKS, model_id=st.text(max_size=40))
def test_spans_are_those_of_the_plain_encoder(event: PredictionEvent, link: SpanLink | None, model_id: str) -> None:
    """Byte for byte, whatever an event holds."""
    assert SpanWriter(model_id).write(event, link) == encode_span(to_span(event, model_id, link))
