# SPDX-License-Identifier: Apache-2.0
"""Acknowledgements travel beside the stock response and read back exactly."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contracts.acknowledgement import Acknowledgement, Position, decode_acknowledgement, encode_acknowledgement
from contracts.errors import ContractError
from contracts.wire import bytes_field, varint_field
from tests.contracts.spans import TEXT, UINT64, mutated, raw

POSITIONS = st.lists(st.builds(Position, UINT64, raw(32)), max_size=5).map(tuple)
ACKNOWLEDGEMENT = st.builds(Acknowledgement, TEXT, POSITIONS)


@given(ACKNOWLEDGEMENT)
def test_an_acknowledgement_reads_back(acknowledgement: Acknowledgement) -> None:
    """Round trip, and a stock client reads plain success: partial_success is unset."""
    response = encode_acknowledgement(acknowledgement)
    assert decode_acknowledgement(response) == acknowledgement
    assert not ExportTraceServiceResponse.FromString(response).HasField("partial_success")


def test_an_acknowledgement_by_example() -> None:
    """Field 1000: length and text of the origin, then 40 bytes a span."""
    body = b"\x03log" + (7).to_bytes(8) + bytes(range(32))
    response = encode_acknowledgement(Acknowledgement("log", (Position(7, bytes(range(32))),)))
    assert response == bytes.fromhex("c23e") + bytes([len(body)]) + body


@pytest.mark.parametrize(
    "response",
    [
        b"", ExportTraceServiceResponse().SerializeToString(), varint_field(1000, 1), bytes_field(1000, b""),
        bytes_field(1000, b"\x04log"), bytes_field(1000, b"\x03log" + bytes(39)),
        bytes_field(1000, b"\x03log" + bytes(41)), bytes_field(1000, b"\x01\xff"), bytes_field(1, b""),
    ],
)  # fmt: skip
def test_what_acknowledges_nothing_is_refused(response: bytes) -> None:
    """A stock collector's answer, a cut one, an origin that is no text."""
    with pytest.raises(ContractError):
        decode_acknowledgement(response)


@given(st.data(), ACKNOWLEDGEMENT)
def test_a_damaged_acknowledgement_is_read_or_refused(data: st.DataObject, acknowledgement: Acknowledgement) -> None:
    """Nothing but ContractError."""
    changed = data.draw(mutated(encode_acknowledgement(acknowledgement)))
    with suppress(ContractError):
        assert isinstance(decode_acknowledgement(changed), Acknowledgement)
