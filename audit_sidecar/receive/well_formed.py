# SPDX-License-Identifier: Apache-2.0
"""Whether an export is well-formed, found out within bounds: the stock decoder decides, but never over much at once.

Decoded, two bytes of an empty message take up to two hundred, so an export of the largest size could ask for many
gigabytes. A large one is therefore cut first, span by span, and every part is decoded alone and dropped again; how many
parts there may be, and how large each, is bounded.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from audit_sidecar.receive.body import TooLarge
from contracts.errors import ContractError
from contracts.payload import Payload, PayloadContext, TooManyParts, cut_export
from contracts.prediction_layout import Facts, read_prediction
from contracts.wire import bytes_field

DECODED_WHOLE: Final = 128 << 10
"""Bytes of an export up to which the decoder may have all of it."""
MOST_PARTS: Final = 1 << 16
"""Spans in one export, and half of the fields that are looked at down to them."""
LARGEST_PART: Final = 2 << 20
"""Bytes of one span, resource or scope."""


class Cut(NamedTuple):
    """The spans of an export, unchanged, and the facts of each where all are predictions in the service's layout."""

    payloads: tuple[Payload, ...]
    facts: tuple[Facts, ...] | None


def cut_well_formed(request: bytes, producer: bool = True) -> Cut:
    """The spans of an export, cut out unchanged. ContractError when it is malformed, TooLarge beyond the bounds.

    Facts are not looked for in what is not a ``producer``'s.
    """
    try:
        if len(request) > DECODED_WHOLE:
            return _cut_large(request, producer)
        payloads = tuple(cut_export(request))
        facts = _facts(payloads) if producer else None
        if facts is None:
            ExportTraceServiceRequest.FromString(request)
        else:
            _decode_contexts(payloads)
    except DecodeError as error:
        raise ContractError(str(error)) from error
    return Cut(payloads, facts)


def _facts(payloads: tuple[Payload, ...]) -> tuple[Facts, ...] | None:
    """Found only in spans that the stock decoder accepts; in an export without spans there are none to find."""
    found: list[Facts] = []
    for payload in payloads:
        facts = read_prediction(payload.span)
        if facts is None:
            return None
        found.append(facts)
    return tuple(found) or None


def _cut_large(request: bytes, producer: bool) -> Cut:
    try:
        # Over a view, so that nothing is copied, level by level, before it is known to be within bounds.
        views = cut_export(cast(bytes, memoryview(request)), 2 * MOST_PARTS)
    except TooManyParts as error:
        raise TooLarge(str(error)) from error
    if len(views) > MOST_PARTS:
        raise TooLarge(f"the export has more than {MOST_PARTS} spans")
    for view in views:
        _require_small(view.span, "a span")
    payloads = tuple(_copied(views))
    _decode_contexts(payloads)
    facts = _facts(payloads) if producer else None
    if facts is None:
        for payload in payloads:
            Span.FromString(payload.span)
    return Cut(payloads, facts)


def _copied(views: list[Payload]) -> Iterator[Payload]:
    """The same in bytes of their own; spans of one context go on sharing it."""
    last: PayloadContext | None = None
    context = PayloadContext(None, None, None, None)
    for view in views:
        if view.context is not last:
            last = view.context
            for part in last:
                _require_small(b"" if part is None else part, "a resource or scope")
            context = PayloadContext(*(None if part is None else bytes(part) for part in last))
        yield Payload(context, bytes(view.span))


def _decode_contexts(payloads: tuple[Payload, ...]) -> None:
    contexts: set[PayloadContext] = set()
    last: PayloadContext | None = None
    for context, _ in payloads:
        if context is not last and context not in contexts:
            contexts.add(context)
            _decode_context(context)
        last = context


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
