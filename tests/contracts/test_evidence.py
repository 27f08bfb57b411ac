# SPDX-License-Identifier: Apache-2.0
"""Evidence reads back from its bytes as every protobuf decoder reads it, or is refused."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import assume, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contracts import semconv
from contracts.errors import ContractError
from contracts.evidence import (
    check_record,
    decode_attributes,
    decode_resource,
    decode_span,
    read_ids,
    read_origin,
    read_record,
)
from contracts.identifiers import uuid_text
from contracts.otlp import (
    AttributeValue,
    EvidenceSpan,
    encode_attribute,
    encode_resource,
    encode_span,
    with_sequence,
)
from contracts.payload import PayloadContext
from contracts.wire import bytes_field, fixed64_field, varint_field
from tests.contracts.spans import KEY_VALUES, SPAN, mutated

UUID7 = bytes.fromhex("0199a3f2c0007000800000000000000a")
UUID4 = bytes.fromhex("0199a3f2c0004000800000000000000a")
RELEASE = "0a" * 32
IDS = bytes_field(1, UUID7) + bytes_field(2, b"12345678")


def span(kind: str, sequence: AttributeValue | None, trace: bytes = UUID7, **rest: AttributeValue) -> bytes:
    attributes = {f"countersign.{name.replace('_', '.')}": value for name, value in rest.items()}
    encoded = encode_span(EvidenceSpan(kind, trace, b"12345678", "x", 1, 2, attributes))
    if sequence is None:
        return encoded
    return encoded + bytes_field(9, encode_attribute(semconv.STREAM_SEQ, sequence))


def context(**attributes: AttributeValue) -> PayloadContext:
    named: Mapping[str, AttributeValue] = {
        semconv.SERVICE_INSTANCE_ID: attributes.get("stream", uuid_text(UUID7)),
        semconv.RELEASE_DIGEST: attributes.get("release", RELEASE),
    }
    return PayloadContext(encode_resource(named), None, None, None)


@given(KEY_VALUES)
def test_attributes_are_what_the_stock_decoder_reads(messages: list[bytes]) -> None:
    """Repeated parts, unknown fields and values without a type: the same keys and values as in Google's view."""
    stock = [KeyValue.FromString(message) for message in messages]
    keys = [attribute.key for attribute in stock]
    if len(set(keys)) != len(keys):
        with pytest.raises(ContractError, match="occurs twice"):
            decode_attributes(messages)
        return
    scalars = ("string_value", "bool_value", "int_value", "double_value")
    expected = {a.key: getattr(a.value, w) for a in stock if (w := a.value.WhichOneof("value")) in scalars}
    assert decode_attributes(messages) == expected


def test_a_value_in_pieces_is_merged() -> None:
    """A second, empty value does not unset the first, and a later type replaces an earlier one."""
    text, number, empty = bytes_field(2, bytes_field(1, b"a")), bytes_field(2, varint_field(3, 5)), bytes_field(2, b"")
    key = bytes_field(1, b"k")
    assert decode_attributes([key + text + empty]) == {"k": "a"}
    assert decode_attributes([key + text + number]) == {"k": 5}
    assert decode_attributes([key + bytes_field(2, bytes_field(1, b"a") + varint_field(8, 3))]) == {}


@pytest.mark.parametrize("first", [bytes_field(5, b""), bytes_field(6, b""), bytes_field(7, b"x"), b""])
def test_a_key_that_occurs_twice_is_refused_whatever_its_first_value(first: bytes) -> None:
    """A reader that keeps the first would see another record than one that keeps the last."""
    hidden = bytes_field(1, b"k") + bytes_field(2, first)
    with pytest.raises(ContractError, match="occurs twice"):
        decode_attributes([hidden, encode_attribute("k", 1)])


@pytest.mark.parametrize(
    "field",
    [
        varint_field(7, 1), varint_field(8, 1),                                 # times are fixed64
        bytes_field(9, bytes_field(1, b"k") + bytes_field(2, varint_field(4, 1))),   # a double is fixed64
        bytes_field(9, bytes_field(1, b"k") + bytes_field(2, fixed64_field(3, 1))),  # an int is a varint
        bytes_field(9, bytes_field(1, b"k") + bytes_field(2, fixed64_field(2, 1))),  # so is a bool
        bytes_field(9, bytes_field(1, b"\xff")),
        bytes_field(5, b"\xff"),
        varint_field(9, 1),
        varint_field(5, 1),
    ],
)  # fmt: skip
def test_a_field_that_other_decoders_would_skip_is_refused(field: bytes) -> None:
    """Reading it, or skipping it silently, would make two truths of one span."""
    with pytest.raises(ContractError):
        decode_span(IDS + field)


@given(SPAN)
def test_the_ids_of_any_span_are_found(evidence: EvidenceSpan) -> None:
    """`read_ids` reads what `decode_span` reads, attributes aside."""
    encoded = encode_span(evidence)
    assert read_ids(encoded) == (evidence.trace_id, evidence.span_id, evidence.end)


@pytest.mark.parametrize(
    "ids",
    [b"", bytes_field(1, UUID7), bytes_field(2, b"12345678"), bytes_field(1, b"short") + bytes_field(2, b"12345678"),
     bytes_field(1, UUID7) + bytes_field(2, b"123456789"), varint_field(1, 3)],
)  # fmt: skip
def test_a_span_without_ids_is_refused(ids: bytes) -> None:
    """Sixteen bytes and eight."""
    with pytest.raises(ContractError):
        read_ids(ids)


@given(st.data(), SPAN)
def test_a_damaged_span_is_read_as_the_stock_decoder_reads_it_or_refused(
    data: st.DataObject, evidence: EvidenceSpan
) -> None:
    """Nothing but ContractError, and never another truth than the stock decoder's."""
    changed = data.draw(mutated(with_sequence(encode_span(evidence), 3)))
    try:
        view = decode_span(changed)
    except ContractError:
        return
    try:
        stock = Span.FromString(changed)
    except DecodeError:
        assume(False)
    assert (view.trace_id, view.span_id, view.name) == (stock.trace_id, stock.span_id, stock.name)
    assert (view.start, view.end) == (stock.start_time_unix_nano, stock.end_time_unix_nano)
    assert set(view.attributes) <= {attribute.key for attribute in stock.attributes}


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    """No reader fails in another way."""
    for read in (read_ids, decode_span, read_record, decode_resource):
        with suppress(ContractError):
            read(data)


@pytest.mark.parametrize("kind", sorted(semconv.REQUEST_KINDS))
def test_the_request_id_of_a_request_is_its_trace_id(kind: str) -> None:
    """And it is a UUIDv7, or the record is refused."""
    record = read_record(span(kind, 5))
    assert (record.kind, record.sequence, record.request_id) == (kind, 5, UUID7)
    with pytest.raises(ContractError, match="UUIDv7"):
        read_record(span(kind, 5, trace=UUID4))


@pytest.mark.parametrize("kind", sorted(set(semconv.RECORD_KINDS) - semconv.REQUEST_KINDS - {"span"}))
def test_other_kinds_name_the_prediction_they_are_about(kind: str) -> None:
    """By its text in `countersign.target.id`, or not at all; their own trace id is free."""
    assert read_record(span(kind, 0, trace=UUID4)).request_id is None
    about = bytes(reversed(UUID7))
    assert read_record(span(kind, 0, trace=UUID4, target_id=uuid_text(about))).request_id == about
    wrong: list[AttributeValue] = ["", uuid_text(about).upper(), 7]
    for value in wrong:
        with pytest.raises(ContractError):
            read_record(span(kind, 0, target_id=value))


@pytest.mark.parametrize("sequence", [None, -1, (1 << 63) - 1, True, False, 1.0, "1"])
def test_a_record_has_its_place_in_the_stream(sequence: AttributeValue | None) -> None:
    """An integer from 0, whose successor fits 64 signed bits."""
    with pytest.raises(ContractError):
        read_record(span("heartbeat", sequence))
    assert read_record(span("heartbeat", (1 << 63) - 2)).sequence == (1 << 63) - 2


@pytest.mark.parametrize("kind", ["", "span", "Prediction", "predictions", "none"])
def test_a_producer_writes_known_kinds_only(kind: str) -> None:
    """A foreign span is no producer's record."""
    with pytest.raises(ContractError):
        read_record(span(kind, 0))


def test_a_record_says_its_kind() -> None:
    """As text."""
    with pytest.raises(ContractError):
        check_record(decode_span(IDS + bytes_field(9, encode_attribute(semconv.STREAM_SEQ, 0))))
    with pytest.raises(ContractError):
        check_record(decode_span(IDS + bytes_field(9, encode_attribute(semconv.RECORD_KIND, 3))))


def test_the_origin_of_a_producer_is_read() -> None:
    """Stream and release of its Resource."""
    origin = read_origin(context())
    assert (origin.stream, origin.release) == (UUID7, bytes.fromhex(RELEASE))


@pytest.mark.parametrize(
    "found",
    [
        PayloadContext(None, None, None, None), PayloadContext(b"", None, None, None),
        PayloadContext(b"\xff", None, None, None), context(stream=uuid_text(UUID4)), context(stream="x"),
        context(stream=7), context(release="0A" * 32), context(release="0a" * 31), context(release="0a" * 33),
        context(release=1), context(release="g" * 64),
    ],
)  # fmt: skip
def test_a_resource_without_stream_or_release_is_refused(found: PayloadContext) -> None:
    """A UUIDv7 and 64 lower-case hex digits, both there."""
    with pytest.raises(ContractError):
        read_origin(found)
