# SPDX-License-Identifier: Apache-2.0
"""Cut an OTLP export into payloads: one ``ResourceSpans`` per span, each part verbatim from the wire.

Contract §3: `resource`, one ``ScopeSpans`` {`scope`, `span`, `schema_url`}, `schema_url`; absent parts omitted.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from contracts.errors import ContractError
from contracts.wire import bytes_field, expect_bytes, fields


class PayloadContext(NamedTuple):
    """What spans of one scope share. None = absent on the wire, which is not the same bytes as empty."""

    resource: bytes | None
    scope: bytes | None
    scope_schema_url: bytes | None
    resource_schema_url: bytes | None


class Payload(NamedTuple):
    """One span with its context; `payload_bytes` gives what the commitment is made of."""

    context: PayloadContext
    span: bytes


def payload_bytes(payload: Payload) -> bytes:
    """The serialised ``ResourceSpans`` with exactly this span."""
    context, span = payload
    resource, scope, scope_schema_url, resource_schema_url = _context_fields(context)
    scope_spans = scope + bytes_field(2, span) + scope_schema_url
    return resource + bytes_field(2, scope_spans) + resource_schema_url


@lru_cache(maxsize=64)
def _context_fields(context: PayloadContext) -> tuple[bytes, bytes, bytes, bytes]:
    # The same for every span of a stream.
    return (
        _optional(1, context.resource), _optional(1, context.scope),
        _optional(3, context.scope_schema_url), _optional(3, context.resource_schema_url),
    )  # fmt: skip


def cut_export(request: bytes) -> Iterator[Payload]:
    """Every span of an ``ExportTraceServiceRequest``, in order. ContractError when it is malformed."""
    for number, _, value in fields(request):
        if number == 1:
            yield from _cut_resource_spans(expect_bytes(number, value))


def parse_payload(data: bytes) -> Payload:
    """Read one payload back; ContractError unless re-assembling it gives the same bytes."""
    found = list(_cut_resource_spans(data))
    if len(found) != 1:
        raise ContractError(f"a payload holds exactly one span, this one {len(found)}")
    if payload_bytes(found[0]) != data:
        raise ContractError("the payload is not in the form that a commitment is made of")
    return found[0]


def _cut_resource_spans(data: bytes) -> Iterator[Payload]:
    resource, scopes, schema_url = _cut_level(data)
    for scope_spans in scopes:
        scope, spans, scope_schema_url = _cut_level(scope_spans)
        context = PayloadContext(resource, scope, scope_schema_url, schema_url)
        for span in spans:
            yield Payload(context, span)


def _cut_level(data: bytes) -> tuple[bytes | None, list[bytes], bytes | None]:
    # ResourceSpans and ScopeSpans number alike: 1 = what is described, 2 = its members, 3 = schema_url.
    described: bytes | None = None
    members: list[bytes] = []
    schema_url: bytes | None = None
    for number, _, value in fields(data):
        if number == 1:
            # A message field that occurs twice is merged by protobuf, and merging is concatenation.
            described = (described or b"") + expect_bytes(number, value)
        elif number == 2:
            members.append(expect_bytes(number, value))
        elif number == 3:
            schema_url = expect_bytes(number, value)
    return described, members, schema_url


def _optional(number: int, data: bytes | None) -> bytes:
    return b"" if data is None else bytes_field(number, data)
