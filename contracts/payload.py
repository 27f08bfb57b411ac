# SPDX-License-Identifier: Apache-2.0
"""Cut an OTLP export into payloads: one ``ResourceSpans`` per span, each part verbatim from the wire.

Contract §3: `resource`, one ``ScopeSpans`` {`scope`, `span`, `schema_url`}, `schema_url`; absent parts omitted.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from contracts.errors import ContractError
from contracts.wire import bytes_field, expect_bytes, fields, varint

_MOST_LENGTHS: Final = 2048
"""Lengths of spans that a frame remembers."""


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


class Frame:
    """What `payload_bytes` puts around a span of one context. It depends on the span's length alone."""

    __slots__ = ("_fields", "_known")

    def __init__(self, context: PayloadContext) -> None:
        self._fields = _context_fields(context)
        self._known: dict[int, tuple[bytes, bytes]] = {}

    def around(self, length: int) -> tuple[bytes, bytes]:
        """The bytes before and after a span of this length."""
        return self._known.get(length) or self._make(length)

    def _make(self, length: int) -> tuple[bytes, bytes]:
        resource, scope, scope_schema_url, resource_schema_url = self._fields
        span_head = b"\x12" + varint(length)
        size = len(scope) + len(span_head) + length + len(scope_schema_url)
        found = (
            b"".join((resource, b"\x12", varint(size), scope, span_head)),
            scope_schema_url + resource_schema_url,
        )  # fmt: skip
        if len(self._known) >= _MOST_LENGTHS:
            self._known.clear()
        self._known[length] = found
        return found


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
