# SPDX-License-Identifier: Apache-2.0
"""Whether an export is well-formed, found out within bounds: the stock decoder decides, but never over much at once.

Decoded, two bytes of an empty message take up to two hundred, so an export of the largest size could ask for many
gigabytes. A large one is therefore cut first, span by span, and every part is decoded alone and dropped again; how many
parts there may be, and how large each, is bounded.
"""

from typing import Final, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from audit_sidecar.receive.body import TooLarge
from contracts.errors import ContractError
from contracts.payload import Payload, PayloadContext, cut_export
from contracts.wire import bytes_field, fields

DECODED_WHOLE: Final = 64 << 10
"""Bytes of an export up to which the decoder may have all of it."""
MOST_PARTS: Final = 1 << 16
"""Spans in one export, and likewise scopes and resources."""
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
    _require_few_parts(request)
    contexts: set[PayloadContext] = set()
    payloads = tuple(cut_export(request))
    for context, span in payloads:
        if context not in contexts:
            contexts.add(context)
            _decode_context(context)
        Span.FromString(span)
    return payloads


def _require_few_parts(request: bytes) -> None:
    # Level by level, so that the walk ends early however many empty parts there are; over views, so that nothing is
    # copied before it is known to be within bounds.
    parts, number_below = 0, 1
    level = [cast(bytes, memoryview(request))]
    for what in ("resources", "scopes", "spans"):
        below: list[bytes] = []
        for message in level:
            for number, _, value in fields(message):
                parts += 1
                if number == number_below and not isinstance(value, int):
                    below.append(value)
                if parts > 4 * MOST_PARTS or len(below) > MOST_PARTS:
                    raise TooLarge(f"the export has more than {MOST_PARTS} {what}")
        level, number_below = below, 2
    for span in level:
        _require_small(span, "a span")


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
