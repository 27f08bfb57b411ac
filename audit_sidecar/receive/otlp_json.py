# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON becomes protobuf once, on receipt; from then on there is one form of a span.

OTLP's JSON differs from protobuf's: ids are hex instead of base64 and enums are integers only (opentelemetry-proto,
docs/specification.md, "JSON Protobuf Encoding").
"""

import base64
from typing import Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from audit_sidecar.receive.body import TooLarge
from contracts.canonical import parse_json
from contracts.errors import ContractError

_IDS: Final = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
MOST_BYTES: Final = 16 << 20
MOST_VALUES: Final = 1 << 20
_ENUMS: Final = ("kind", "code")
_INT32: Final = 1 << 31


def protobuf_from_json(body: bytes) -> bytes:
    """The protobuf of an OTLP/JSON ``ExportTraceServiceRequest``; ContractError when it is malformed.

    TooLarge beyond `MOST_BYTES` and `MOST_VALUES`: parsed, each value takes some hundred bytes, however short it is.
    """
    if len(body) > MOST_BYTES:
        raise TooLarge(f"an export in JSON is larger than {MOST_BYTES} bytes; send fewer spans at once, or protobuf")
    # There is a value after each of these, and but for the outermost none without; what stands in texts counts too.
    if body.count(b",") + body.count(b"[") + body.count(b"{") + body.count(b":") > MOST_VALUES:
        raise TooLarge(f"an export in JSON has more than {MOST_VALUES} values; send fewer spans at once, or protobuf")
    document = parse_json(body)
    if not isinstance(document, dict):
        raise ContractError("an OTLP/JSON export is a JSON object")
    _drop_other_spellings(document)
    for resource_spans in _members(document, "resourceSpans"):
        for scope_spans in _members(resource_spans, "scopeSpans"):
            for span in _members(scope_spans, "spans"):
                _mend_span(span)
    try:
        message = ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
        return bytes(message.SerializeToString())
    except (ParseError, RecursionError, ValueError, TypeError, ArithmeticError) as error:
        raise ContractError(f"not OTLP/JSON: {error}") from error


def _drop_other_spellings(document: dict[str, Any]) -> None:
    """Keys of protobuf's own spelling are unknown keys in OTLP/JSON; the stock parser would take them for fields."""
    rest: list[Any] = [document]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            for name in [name for name in part if "_" in name]:
                del part[name]
            rest.extend(part.values())
        elif isinstance(part, list):
            rest.extend(part)


def _mend_span(span: dict[str, Any]) -> None:
    _mend_ids(span)
    for link in _members(span, "links"):
        _mend_ids(link)
    for part in (span, span.get("status")):
        if isinstance(part, dict):
            for name in _ENUMS:
                # Names are not allowed, and what is no such integer would be cut to one in silence.
                if part.get(name) is not None and not (type(part[name]) is int and -_INT32 <= part[name] < _INT32):
                    raise ContractError(f"{name} is an integer in OTLP/JSON, not {str(part[name])[:40]!r}")


def _mend_ids(part: dict[str, Any]) -> None:
    for name, length in _IDS.items():
        text = part.get(name)
        if text is None or text == "":
            continue
        try:
            raw = bytes.fromhex(text)
        except (ValueError, TypeError) as error:
            raise ContractError(f"{name} is not hex") from error
        if len(raw) != length or len(text) != 2 * length:
            raise ContractError(f"{name} has {len(text)} hex digits, not {2 * length}")
        part[name] = base64.b64encode(raw).decode()


def _members(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = parent.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(member, dict) for member in found):
        raise ContractError(f"{name} is a list of objects in OTLP/JSON")
    return found
