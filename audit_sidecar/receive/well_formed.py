# SPDX-License-Identifier: Apache-2.0
"""Whether an export is well-formed, found out within bounds: the stock decoder decides, but never over much at once.

Decoded, two bytes of an empty message take up to two hundred, so an export of the largest size could ask for many
gigabytes. A large one is therefore cut first, span by span, and every part is decoded alone and dropped again; how many
parts there may be, and how large each, is bounded.
"""

from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from audit_sidecar.receive.body import TooLarge
from contracts.errors import ContractError
from contracts.payload import Payload, PayloadContext, TooManyParts, cut_export
from contracts.wire import bytes_field

DECODED_WHOLE: Final = 128 << 10
"""Bytes of an export up to which the decoder may have all of it."""
MOST_PARTS: Final = 1 << 16
"""Spans in one export, and half of the fields that are looked at down to them."""
LARGEST_PART: Final = 2 << 20
"""Bytes of one span, resource or scope."""


def cut_well_formed(request: bytes) -> tuple[Payload, ...]:
    """The spans of an export, cut out unchanged. ContractError when it is malformed, TooLarge beyond the bounds."""
    try:
        if len(request) <= DECODED_WHOLE:
            ExportTraceServiceRequest.FromString(request)
            return tuple(cut_export(request))
        return _cut_large(request)
    except DecodeError as error:
        raise ContractError(str(error)) from error


def _cut_large(request: bytes) -> tuple[Payload, ...]:
    contexts: set[PayloadContext] = set()
    last: PayloadContext | None = None
    try:
        payloads = cut_export(request, 2 * MOST_PARTS)
    except TooManyParts as error:
        raise TooLarge(str(error)) from error
    if len(payloads) > MOST_PARTS:
        raise TooLarge(f"the export has more than {MOST_PARTS} spans")
    for context, span in payloads:
        if context is not last and context not in contexts:
            contexts.add(context)
            _decode_context(context)
        last = context
        _require_small(span, "a span")
        Span.FromString(span)
    return tuple(payloads)


def _decode_context(context: PayloadContext) -> None:
    for part, decoder, what in (
        (context.resource, Resource, "a resource"),
        (context.scope, InstrumentationScope, "a scope"),
    ):
        if part is not None:
            _require_small(part, what)
            decoder.FromString(part)
    for url in (context.scope_schema_url, context.resource_schema_url):
        if url is not None:
            _require_small(url, "a schema URL")
            ScopeSpans.FromString(bytes_field(3, url))


def _require_small(part: bytes, what: str) -> None:
    if len(part) > LARGEST_PART:
        raise TooLarge(f"{what} of the export is larger than {LARGEST_PART} bytes")
