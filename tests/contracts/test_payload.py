# SPDX-License-Identifier: Apache-2.0
"""Payloads are cut from the wire, never re-encoded, and say what the stock decoder reads."""

from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from contracts.errors import ContractError
from contracts.payload import Frame, Payload, PayloadContext, cut_export, parse_payload, payload_bytes
from contracts.wire import bytes_field, varint_field
from tests.contracts.spans import EXPORT, PAYLOAD, mutated


@given(PAYLOAD)
def test_a_payload_reads_back(payload: Payload) -> None:
    """Round trip; an empty part is not an absent one."""
    assert parse_payload(payload_bytes(payload)) == payload


@given(PAYLOAD, st.lists(st.binary(max_size=200), max_size=5))
def test_a_frame_around_a_span_is_its_payload(payload: Payload, others: list[bytes]) -> None:
    """For each span of a context, whatever lengths came before."""
    frame = Frame(payload.context)
    for span in (payload.span, *others, payload.span):
        before, after = frame.around(len(span))
        assert before + span + after == payload_bytes(Payload(payload.context, span))


@given(EXPORT)
def test_every_span_of_an_export_is_cut_out_as_the_stock_decoder_sees_it(request: bytes) -> None:
    """Several resources, scopes and spans, fields in any order, repeated, absent, empty or unknown ones."""
    stock = ExportTraceServiceRequest.FromString(request)
    expected = [
        (resource_spans, scope_spans, span)
        for resource_spans in stock.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
    cut = list(cut_export(request))
    assert len(cut) == len(expected)
    for payload, (resource_spans, scope_spans, span) in zip(cut, expected, strict=True):
        context = payload.context
        assert Span.FromString(payload.span) == span
        assert (context.resource is not None) is resource_spans.HasField("resource")
        assert Resource.FromString(context.resource or b"") == resource_spans.resource
        assert (context.scope is not None) is scope_spans.HasField("scope")
        assert InstrumentationScope.FromString(context.scope or b"") == scope_spans.scope
        assert (context.scope_schema_url or b"").decode() == scope_spans.schema_url
        assert (context.resource_schema_url or b"").decode() == resource_spans.schema_url
        whole = ResourceSpans.FromString(payload_bytes(payload))
        assert [len(scope.spans) for scope in whole.scope_spans] == [1]
        assert (whole.resource, whole.schema_url) == (resource_spans.resource, resource_spans.schema_url)


@given(EXPORT)
def test_every_cut_span_occurs_in_the_request(request: bytes) -> None:
    """The bytes are the sender's, not ours."""
    assert all(payload.span in request for payload in cut_export(request))


@given(st.data(), EXPORT)
def test_a_damaged_export_is_read_or_refused(data: st.DataObject, request: bytes) -> None:
    """Nothing but ContractError, and what the stock decoder refuses for its structure is not taken apart otherwise."""
    changed = data.draw(mutated(request))
    try:
        cut = list(cut_export(changed))
    except ContractError:
        return
    try:
        stock = ExportTraceServiceRequest.FromString(changed)
    except DecodeError:
        return  # what lies inside a part is left to the stock decoder
    assert len(cut) == sum(len(s.spans) for r in stock.resource_spans for s in r.scope_spans)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    """No other error, for an export and for a payload."""
    for read in (parse_payload, lambda request: list(cut_export(request))):
        with suppress(ContractError):
            read(data)


def spans(*encoded: bytes) -> bytes:
    return bytes_field(2, b"".join(bytes_field(2, span) for span in encoded))


@pytest.mark.parametrize(
    "data",
    [
        b"",                                        # no span
        spans(),                                    # a scope without spans
        spans(b"a", b"b"),                          # two spans
        spans(b"a") + spans(b"b"),                  # two scopes
        spans(b"a") + bytes_field(1, b""),          # resource after scope
        spans(b"a") + bytes_field(9, b""),          # an unknown field
        bytes_field(1, b"x") * 2 + spans(b"a"),     # a resource in two pieces
        b"\x92\x00" + spans(b"a")[1:],              # a tag spelled long
        bytes_field(2, bytes_field(2, b"a") + varint_field(7, 1)),
        varint_field(2, 1),
    ],
)  # fmt: skip
def test_a_payload_in_another_form_is_refused(data: bytes) -> None:
    """A commitment is made of one byte string per span, so only that one is a payload."""
    with pytest.raises(ContractError):
        parse_payload(data)


def test_parts_that_occur_twice_are_merged_as_protobuf_merges() -> None:
    """Concatenation is merging; the last schema URL wins."""
    resource_spans = (
        bytes_field(1, b"\x10\x01") + bytes_field(3, b"old") + spans(b"s") + bytes_field(1, b"\x10\x02")
        + bytes_field(3, b"new")
    )  # fmt: skip
    (payload,) = cut_export(bytes_field(1, resource_spans))
    assert payload == Payload(PayloadContext(b"\x10\x01\x10\x02", None, None, b"new"), b"s")
