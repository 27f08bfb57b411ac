# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for evidence spans, attributes and whole exports, down to the order of fields on the wire."""

from hypothesis import strategies as st

from contracts import semconv
from contracts.otlp import AttributeValue, EvidenceSpan, SpanLink
from contracts.payload import Payload, PayloadContext
from contracts.wire import bytes_field, varint_field

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
UINT64 = st.integers(0, (1 << 64) - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUE: st.SearchStrategy[AttributeValue] = st.one_of(TEXT, st.booleans(), INT64, st.floats(allow_nan=False))
OWN_NAMES = {semconv.RECORD_KIND, semconv.STREAM_SEQ}
ATTRIBUTES = st.dictionaries(TEXT.filter(lambda name: name not in OWN_NAMES), VALUE, max_size=5)


def raw(size: int) -> st.SearchStrategy[bytes]:
    """Exactly this many bytes."""
    return st.binary(min_size=size, max_size=size)


LINK = st.builds(SpanLink, raw(16), raw(8), TEXT)
SPAN = st.builds(
    EvidenceSpan,
    kind=st.sampled_from(semconv.RECORD_KINDS),
    trace_id=raw(16),
    span_id=raw(8),
    name=TEXT,
    start=UINT64,
    end=UINT64,
    attributes=ATTRIBUTES,
    link=st.none() | LINK,
    failed=st.booleans(),
)
PAYLOAD = st.builds(
    Payload,
    st.builds(PayloadContext, *[st.none() | st.binary(max_size=20) for _ in range(4)]),
    st.binary(max_size=60),
)

_UNKNOWN = st.one_of(
    st.builds(bytes_field, st.integers(100, 1 << 20), st.binary(max_size=5)),
    st.builds(varint_field, st.integers(100, 1 << 20), UINT64),
)


def _field(number: int, message: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(bytes_field, st.just(number), message)


def _message(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Fields in any order and number, absent and repeated ones too, with unknown ones between them."""
    return st.lists(st.one_of(*parts, _UNKNOWN), max_size=5).map(b"".join)


_STRING = TEXT.map(str.encode)
_ANY_VALUE = st.one_of(
    st.just(b""),
    _field(1, _STRING),
    st.builds(varint_field, st.sampled_from([2, 3]), UINT64),
    _field(7, st.binary(max_size=4)),
)
_KEY_VALUE = _message(_field(1, _STRING), _field(2, _ANY_VALUE))
_RESOURCE = _message(_field(1, _KEY_VALUE), st.builds(varint_field, st.just(2), st.integers(0, 9)))
_SCOPE = _message(_field(1, _STRING), _field(2, _STRING), _field(3, _KEY_VALUE))
_WIRE_SPAN = _message(_field(1, raw(16)), _field(2, raw(8)), _field(5, _STRING), _field(9, _KEY_VALUE))
_SCOPE_SPANS = _message(_field(1, _SCOPE), _field(2, _WIRE_SPAN), _field(2, _WIRE_SPAN), _field(3, _STRING))
_RESOURCE_SPANS = _message(_field(1, _RESOURCE), _field(2, _SCOPE_SPANS), _field(2, _SCOPE_SPANS), _field(3, _STRING))
EXPORT = _message(_field(1, _RESOURCE_SPANS), _field(1, _RESOURCE_SPANS))
KEY_VALUES = st.lists(_KEY_VALUE, max_size=4)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes cut short, with one byte changed, or with some put in."""
    at = st.integers(0, max(0, len(data) - 1))
    return st.one_of(
        st.builds(lambda cut: data[:cut], at),
        st.builds(lambda where, byte: data[:where] + bytes([byte]) + data[where + 1 :], at, st.integers(0, 255)),
        st.builds(lambda where, more: data[:where] + more + data[where:], at, st.binary(min_size=1, max_size=4)),
    )
