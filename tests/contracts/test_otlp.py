# SPDX-License-Identifier: Apache-2.0
"""What the encoder writes is what the stock OpenTelemetry classes read, field by field."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from contracts import semconv
from contracts.evidence import decode_resource, decode_span
from contracts.otlp import (
    AttributeValue,
    EvidenceSpan,
    encode_attribute,
    encode_export,
    encode_resource,
    encode_scope,
    encode_span,
    span_ids,
    with_sequence,
)
from tests.contracts.spans import ATTRIBUTES, SPAN, TEXT, VALUE

SEQUENCE = st.integers(0, (1 << 63) - 2)


def plain(attribute: KeyValue) -> AttributeValue:
    value = attribute.value
    which = value.WhichOneof("value")
    assert which in ("string_value", "bool_value", "int_value", "double_value")
    found: AttributeValue = getattr(value, which)
    return found


def typed(attributes: dict[str, AttributeValue]) -> list[tuple[str, type, AttributeValue]]:
    return [(name, type(value), value) for name, value in attributes.items()]


@given(TEXT, VALUE)
def test_an_attribute_keeps_type_and_value(name: str, value: AttributeValue) -> None:
    """True is no 1 and 1 is no 1.0."""
    decoded = KeyValue.FromString(encode_attribute(name, value))
    assert typed({decoded.key: plain(decoded)}) == typed({name: value})


@given(SPAN, SEQUENCE, ATTRIBUTES)
def test_the_stock_decoder_reads_every_field(
    span: EvidenceSpan, sequence: int, late: dict[str, AttributeValue]
) -> None:
    """Ids, name, kind, times, attributes in order, link and status; nothing else is set."""
    late = {name: value for name, value in late.items() if name not in span.attributes}
    decoded = Span.FromString(with_sequence(encode_span(span), sequence, late))
    names = [attribute.key for attribute in decoded.attributes]
    assert names == [semconv.RECORD_KIND, *span.attributes, *late, semconv.STREAM_SEQ]
    written = {semconv.RECORD_KIND: span.kind, **span.attributes, **late, semconv.STREAM_SEQ: sequence}
    assert typed({a.key: plain(a) for a in decoded.attributes}) == typed(written)
    server = span.kind in ("prediction", "reject", "error")
    expected = Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        name=span.name,
        kind=Span.SPAN_KIND_SERVER if server else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.start,
        end_time_unix_nano=span.end,
        attributes=decoded.attributes,
    )
    if span.link is not None:
        expected.links.add(trace_id=span.link.trace_id, span_id=span.link.span_id, trace_state=span.link.trace_state)
    if span.failed:
        expected.status.code = Status.STATUS_CODE_ERROR
    assert decoded == expected


@given(SPAN, SEQUENCE)
def test_our_own_decoder_reads_the_same(span: EvidenceSpan, sequence: int) -> None:
    """Encode, decode: the same ids, name, times and attributes."""
    encoded = with_sequence(encode_span(span), sequence)
    view = decode_span(encoded)
    assert span_ids(encoded) == (view.trace_id, view.span_id) == (span.trace_id, span.span_id)
    assert (view.name, view.start, view.end) == (span.name, span.start, span.end)
    written = {semconv.RECORD_KIND: span.kind, **span.attributes, semconv.STREAM_SEQ: sequence}
    assert typed(dict(view.attributes)) == typed(written)


@given(ATTRIBUTES, TEXT, st.lists(SPAN, max_size=3))
def test_an_export_holds_its_parts(
    resource: dict[str, AttributeValue], version: str, spans: list[EvidenceSpan]
) -> None:
    """One resource, one scope, the spans in order."""
    encoded = [encode_span(span) for span in spans]
    request = ExportTraceServiceRequest.FromString(
        encode_export(encode_resource(resource), encode_scope(version), encoded)
    )
    (resource_spans,) = request.resource_spans
    (scope_spans,) = resource_spans.scope_spans
    assert resource_spans.resource == Resource.FromString(encode_resource(resource))
    assert typed({a.key: plain(a) for a in resource_spans.resource.attributes}) == typed(resource)
    assert typed(decode_resource(encode_resource(resource))) == typed(resource)
    assert scope_spans.scope == InstrumentationScope(name=semconv.SCOPE_NAME, version=version)
    assert [span.SerializeToString() for span in scope_spans.spans] == [
        Span.FromString(span).SerializeToString() for span in encoded
    ]
