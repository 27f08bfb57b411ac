# SPDX-License-Identifier: Apache-2.0
"""Cut an OTLP export into payloads: one ``ResourceSpans`` per span, each part verbatim from the wire.

Contract §3: `resource`, one ``ScopeSpans`` {`scope`, `span`, `schema_url`}, `schema_url`; absent parts omitted.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from contracts.errors import ContractError
from contracts.wire import BYTES, bytes_field, expect_bytes, read_field, varint

_MEMBER: Final = 2 << 3 | BYTES
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


class TooManyParts(ContractError):
    """An export of more parts than its receiver takes."""


def cut_export(request: bytes, most_parts: int | None = None) -> list[Payload]:
    """Every span of an ``ExportTraceServiceRequest``, in order. ContractError when it is malformed.

    ``most_parts`` bounds the fields that are looked at down to the spans, TooManyParts beyond: two bytes make a part.
    """
    cutter = _Cutter(len(request) if most_parts is None else most_parts)
    payloads: list[Payload] = []
    position = 0
    while position < len(request):
        number, value, position = cutter.read(request, position)
        if number == 1:
            payloads += cutter.cut_resource(expect_bytes(number, value))
    return payloads


def parse_payload(data: bytes) -> Payload:
    """Read one payload back; ContractError unless re-assembling it gives the same bytes."""
    found = _Cutter(len(data)).cut_resource(data)
    if len(found) != 1:
        raise ContractError(f"a payload holds exactly one span, this one {len(found)}")
    if payload_bytes(found[0]) != data:
        raise ContractError("the payload is not in the form that a commitment is made of")
    return found[0]


class _Cutter:
    """Cuts level by level and counts what it has looked at."""

    def __init__(self, most_parts: int) -> None:
        self._left = most_parts

    def cut_resource(self, data: bytes) -> list[Payload]:
        """The spans of a ``ResourceSpans``."""
        resource, scopes, schema_url = self._cut_level(data)
        payloads: list[Payload] = []
        for scope_spans in scopes:
            scope, spans, scope_schema_url = self._cut_level(scope_spans)
            context = PayloadContext(resource, scope, scope_schema_url, schema_url)
            payloads += [Payload(context, span) for span in spans]
        return payloads

    def read(self, data: bytes, position: int) -> tuple[int, int | bytes, int]:
        """Number and value of the field that begins at ``position``, and the position after it."""
        self._left -= 1
        if self._left < 0:
            raise TooManyParts("the export has too many parts")
        number, _, value, position = read_field(data, position)
        return number, value, position

    def _cut_level(self, data: bytes) -> tuple[bytes | None, list[bytes], bytes | None]:
        # ResourceSpans and ScopeSpans number alike: 1 = what is described, 2 = its members, 3 = schema_url.
        described: bytes | None = None
        members: list[bytes] = []
        schema_url: bytes | None = None
        position, end = 0, len(data)
        while (position := self._cut_members(data, position, members)) < end:
            number, value, position = self.read(data, position)
            if number == 1:
                # A message field that occurs twice is merged by protobuf, and merging is concatenation.
                described = (described or b"") + expect_bytes(number, value)
            elif number == 2:
                members.append(expect_bytes(number, value))
            elif number == 3:
                schema_url = expect_bytes(number, value)
        return described, members, schema_url

    def _cut_members(self, data: bytes, position: int, members: list[bytes]) -> int:
        """Cut members whose length takes two bytes, as almost every span's does; the position of what comes then."""
        before, last = len(members), len(data) - 3
        for _ in range(self._left):
            if position > last or data[position] != _MEMBER or not data[position + 1] >= 0x80 > data[position + 2]:
                break
            start = position + 3
            stop = start + (data[position + 1] & 0x7F | data[position + 2] << 7)
            if stop > len(data):
                break
            members.append(data[start:stop])
            position = stop
        self._left -= len(members) - before
        return position


def _optional(number: int, data: bytes | None) -> bytes:
    return b"" if data is None else bytes_field(number, data)
