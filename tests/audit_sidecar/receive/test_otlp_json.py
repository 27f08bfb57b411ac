# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON says what the protobuf says, and what it says otherwise is refused."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from audit_sidecar.receive.otlp_http import JSON
from audit_sidecar.receive.otlp_json import protobuf_from_json
from contracts.errors import ContractError
from tests.audit_sidecar.producers import Log
from tests.audit_sidecar.receive.receiving import client, post, refusal
from tests.contracts.spans import EXPORT, mutated

IDS: dict[str, Any] = {"traceId": "0a" * 16, "spanId": "0b" * 8}


def otlp_json(request: ExportTraceServiceRequest, upper: bool = False) -> dict[str, Any]:
    """The document that a sender of OTLP/JSON writes: ids in hex, enums as integers."""
    document: dict[str, Any] = MessageToDict(request, use_integers_for_enums=True)
    for resource_spans in document.get("resourceSpans", []):
        for scope_spans in resource_spans.get("scopeSpans", []):
            for span in scope_spans.get("spans", []):
                for part in (span, *span.get("links", [])):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in part:
                            digits = base64.b64decode(part[name]).hex()
                            part[name] = digits.upper() if upper else digits
    return document


def span_of(**members: Any) -> Span:
    """One span through the conversion; it comes out with ids unless the members say otherwise."""
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [IDS | members]}]}]}
    request = ExportTraceServiceRequest.FromString(protobuf_from_json(json.dumps(document).encode()))
    return request.resource_spans[0].scope_spans[0].spans[0]


@given(EXPORT, st.booleans())
def test_json_becomes_the_protobuf_that_it_stands_for(wire: bytes, upper: bool) -> None:
    """Any export, ids in either case; unknown fields aside, which JSON has no place for."""
    request = ExportTraceServiceRequest.FromString(wire)
    request.DiscardUnknownFields()
    text = json.dumps(otlp_json(request, upper)).encode()
    assert ExportTraceServiceRequest.FromString(protobuf_from_json(text)) == request


def test_links_status_and_every_type_of_value_are_mapped() -> None:
    """64-bit integers as text or number, bytes in base64, special doubles, nested values."""
    span = span_of(
        kind=2, startTimeUnixNano="1760000000000000000", endTimeUnixNano=5, flags=257, traceState="a=b",
        parentSpanId="0C" * 8, status={"code": 2, "message": "m"},
        links=[{"traceId": "1A" * 16, "spanId": "1b" * 8, "attributes": []}],
        events=[{"name": "e", "timeUnixNano": "7"}],
        attributes=[
            {"key": "i", "value": {"intValue": "-9223372036854775808"}}, {"key": "j", "value": {"intValue": 7}},
            {"key": "d", "value": {"doubleValue": "Infinity"}}, {"key": "b", "value": {"bytesValue": "AP8="}},
            {"key": "t", "value": {"boolValue": False}},
            {"key": "a", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {}]}}},
            {"key": "k", "value": {"kvlistValue": {"values": [{"key": "y", "value": None}]}}},
        ],
    )  # fmt: skip
    assert (span.trace_id, span.span_id, span.parent_span_id) == (b"\x0a" * 16, b"\x0b" * 8, b"\x0c" * 8)
    assert (span.kind, span.status.code, span.flags) == (2, 2, 257)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1760000000000000000, 5)
    assert (span.links[0].trace_id, span.links[0].span_id) == (b"\x1a" * 16, b"\x1b" * 8)
    values = {attribute.key: attribute.value for attribute in span.attributes}
    assert (values["i"].int_value, values["j"].int_value, values["b"].bytes_value) == (-(1 << 63), 7, b"\x00\xff")
    assert values["d"].double_value == float("inf")
    assert values["t"].WhichOneof("value") == "bool_value"
    assert [value.WhichOneof("value") for value in values["a"].array_value.values] == ["string_value", None]


def test_null_is_unset_and_unknown_keys_are_ignored() -> None:
    """At every level."""
    document = {
        "resourceSpans": [
            {"resource": None, "futureField": {"a": [1]}, "schemaUrl": None,
             "scopeSpans": [{"spans": [IDS | {"name": None, "status": None, "links": None, "kind": None, "new": 1,
                                             "parentSpanId": "", "attributes": None}], "scope": None, "x": 1}]},
            {"scopeSpans": None},
        ],
        "another": None,
    }  # fmt: skip
    request = ExportTraceServiceRequest.FromString(protobuf_from_json(json.dumps(document).encode()))
    (scope_spans,) = request.resource_spans[0].scope_spans
    assert scope_spans.spans[0] == Span(trace_id=b"\x0a" * 16, span_id=b"\x0b" * 8)
    assert not scope_spans.HasField("scope")


@pytest.mark.parametrize(
    "members",
    [
        {"traceId": "0a" * 15}, {"traceId": "0a" * 17}, {"traceId": "zz" * 16}, {"traceId": 5}, {"traceId": ["0a"]},
        {"traceId": base64.b64encode(b"\x0a" * 16).decode()}, {"spanId": "0b " * 8}, {"spanId": True},
        {"parentSpanId": "0"}, {"links": [{"traceId": "0a"}]}, {"links": {}}, {"links": [None]},
        {"kind": "SPAN_KIND_SERVER"}, {"kind": "2"}, {"kind": 2.5}, {"kind": True}, {"kind": 1 << 40}, {"kind": []},
        {"status": {"code": "STATUS_CODE_OK"}}, {"status": {"code": 1.5}}, {"status": 5}, {"name": 5},
        {"name": "\ud800"}, {"startTimeUnixNano": -1}, {"startTimeUnixNano": 1 << 64}, {"startTimeUnixNano": 1.5},
        {"startTimeUnixNano": "soon"}, {"flags": 1 << 32}, {"attributes": [5]}, {"attributes": 5},
        {"attributes": [{"key": 1}]}, {"attributes": [{"key": "k", "value": {"intValue": 1 << 63}}]},
        {"attributes": [{"key": "k", "value": {"intValue": 10**400}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": 10**400}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": "much"}}]},
        {"attributes": [{"key": "k", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "k", "value": {"stringValue": "a", "intValue": 1}}]},
        {"events": [{"name": []}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_otlp_json_is_refused(members: dict[str, Any]) -> None:
    """Ids of other lengths and encodings, enum names, numbers that do not fit, wrong types."""
    with pytest.raises(ContractError):
        span_of(**members)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b'{"resourceSpans":{}}', b'{"resourceSpans":[[]]}', b'{"resourceSpans":[null]}',
     b'{"resourceSpans":[],"resourceSpans":[]}', b'{"resourceSpans":[{"resource":true}]}', b"\xff", b'{"a":NaN}',
     b'{"resourceSpans":[{"schemaUrl":{}}]}', '{"resourceSpans":[]}'.encode("utf-16")],
)  # fmt: skip
def test_another_document_is_refused(body: bytes) -> None:
    """Not JSON, not an object, not lists of objects, a key twice."""
    with pytest.raises(ContractError):
        protobuf_from_json(body)


@pytest.mark.parametrize("depth", [10, 200, 5_000, 100_000])
def test_deep_nesting_is_converted_or_refused(depth: int) -> None:
    """Never a crash, and what is converted decodes."""
    value = '{"arrayValue":{"values":[' * depth + "{}" + "]}}" * depth
    body = f'{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{value}}}]}}}}]}}'.encode()
    try:
        converted = protobuf_from_json(body)
    except ContractError:
        assert depth > 10
        return
    try:
        ExportTraceServiceRequest.FromString(converted)
    except DecodeError:
        assert depth > 10


@given(st.data(), EXPORT)
def test_a_damaged_document_is_converted_or_refused(data: st.DataObject, wire: bytes) -> None:
    """Nothing but ContractError, and what comes out is protobuf."""
    text = json.dumps(otlp_json(ExportTraceServiceRequest.FromString(wire))).encode()
    try:
        converted = protobuf_from_json(data.draw(mutated(text)))
    except ContractError:
        return
    assert ExportTraceServiceRequest.FromString(converted) is not None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["resourceSpans", "scopeSpans", "spans", "traceId", "kind", "status", "code", "links", "value",
                         "attributes", "key", "intValue", "kvlistValue", "values", "resource", "schemaUrl", "events"]),
        inner, max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(ANYTHING)
def test_any_json_is_converted_or_refused(document: Any) -> None:
    """Familiar names in unfamiliar places and of unfamiliar types."""
    for wrapped in (document, {"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}]}):
        with suppress(ContractError):
            assert isinstance(protobuf_from_json(json.dumps(wrapped).encode()), bytes)


async def test_what_json_sent_is_kept_as_protobuf(log: Log) -> None:
    """Converted once, on receipt: from then on there is one form; refusals are JSON too."""
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [IDS | {"name": "x", "endTimeUnixNano": "5"}]}]}]}
    async with client(log) as asking:
        accepted = await post(asking, json.dumps(document).encode(), f"{JSON}; charset=utf-8")
        again = await post(asking, json.dumps(document, indent=2).encode(), JSON, countersign_ack="1")
        refused = await post(asking, b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}', JSON)
    assert (accepted.status_code, accepted.content) == (again.status_code, again.content) == (200, b"{}")
    assert (refused.status_code, refusal(refused).code) == (400, 3)
    (_, record) = log.records()
    assert record.payload is not None
    assert Span.FromString(record.payload.span) == span_of(name="x", endTimeUnixNano="5")
    assert log.check().kinds["span"] == 1
