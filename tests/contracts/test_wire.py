# SPDX-License-Identifier: Apache-2.0
"""The protobuf wire format as far as OTLP needs it, with Google's implementation as witness."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contracts.errors import ContractError
from contracts.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    bytes_field,
    expect_bytes,
    expect_int,
    expect_text,
    fields,
    fixed64_field,
    read_varint,
    varint,
    varint_field,
)
from tests.contracts.spans import INT64, TEXT, UINT64

NUMBER = st.integers(1, (1 << 29) - 1)
FIELD = st.one_of(
    st.tuples(NUMBER, st.just(BYTES), st.binary(max_size=300)),
    st.tuples(NUMBER, st.just(VARINT), UINT64),
    st.tuples(NUMBER, st.just(FIXED64), UINT64),
)
WRITERS = {BYTES: bytes_field, VARINT: varint_field, FIXED64: fixed64_field}


@given(UINT64, st.binary(max_size=3))
def test_a_varint_reads_back(value: int, after: bytes) -> None:
    """Round trip, whatever follows."""
    assert read_varint(varint(value) + after, 0) == (value, len(varint(value)))


@given(st.lists(FIELD, max_size=6))
def test_fields_read_back_in_order(written: list[tuple[int, int, int | bytes]]) -> None:
    """Round trip of whole messages."""
    message = b"".join(WRITERS[wire_type](number, value) for number, wire_type, value in written)  # type: ignore[operator]  # the table pairs writer and value
    assert list(fields(message)) == written


@given(TEXT, UINT64, st.integers(0, (1 << 32) - 1))
def test_fields_are_what_protobuf_writes(name: str, start: int, flags: int) -> None:
    """Google's bytes are read, fixed32 too, and ours are Google's."""
    theirs = Span(name=name or "x", start_time_unix_nano=start or 1, flags=flags or 1)
    assert list(fields(theirs.SerializeToString())) == [
        (5, BYTES, theirs.name.encode()),
        (7, FIXED64, theirs.start_time_unix_nano),
        (16, FIXED32, theirs.flags),
    ]
    ours = bytes_field(5, theirs.name.encode()) + fixed64_field(7, theirs.start_time_unix_nano)
    assert Span.FromString(ours) == Span(name=theirs.name, start_time_unix_nano=theirs.start_time_unix_nano)


@given(INT64)
def test_a_negative_number_is_its_twos_complement(value: int) -> None:
    """As protobuf's int64: ten bytes below zero."""
    ((_, _, found),) = fields(varint_field(3, value))
    assert found == value % (1 << 64)


@pytest.mark.parametrize(
    "message",
    [
        b"\x80",                              # inside a varint
        b"\x80" * 10 + b"\x01",               # longer than ten bytes
        b"\x18" + b"\xff" * 9 + b"\x02",      # above 64 bits
        b"\x0a\x05abc",                       # a length beyond the end
        b"\x0a" + b"\xff" * 9 + b"\x01",      # a length beyond any memory
        b"\x39\x01\x02",                      # fixed64 cut short
        b"\x3d\x01",                          # fixed32 cut short
        b"\x00\x01",                          # field number 0
        b"\x80\x80\x80\x80\x10\x01",          # field number 2**29
        b"\x0b\x0c",                          # groups
        b"\x0e", b"\x0f",                     # wire types that do not exist
    ],
)  # fmt: skip
def test_malformed_messages_are_refused(message: bytes) -> None:
    """Each way a message can be broken is a ContractError."""
    with pytest.raises(ContractError):
        list(fields(message))


@given(st.binary(max_size=60))
def test_walking_never_fails_otherwise(message: bytes) -> None:
    """Arbitrary bytes are fields that cover them to the end, or refused."""
    with suppress(ContractError):
        assert all(0 < number < 1 << 29 for number, _, _ in list(fields(message)))


def test_a_field_of_another_wire_type_is_refused() -> None:
    """Other decoders skip such a field; reading it would make two truths of one message."""
    for wire_type in (BYTES, FIXED64, FIXED32):
        with pytest.raises(ContractError):
            expect_int(1, wire_type, b"" if wire_type == BYTES else 1, VARINT)
    assert expect_int(1, VARINT, 7, VARINT) == 7
    with pytest.raises(ContractError):
        expect_bytes(1, 7)
    with pytest.raises(ContractError):
        expect_text(1, 7)
    with pytest.raises(ContractError):
        expect_text(1, b"\xff")
    assert expect_text(1, "é".encode()) == "é"
