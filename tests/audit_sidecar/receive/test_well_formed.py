# SPDX-License-Identifier: Apache-2.0
"""A large export is judged in parts exactly as a small one is judged whole, and within bounds."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from audit_sidecar.receive import well_formed
from audit_sidecar.receive.body import TooLarge
from audit_sidecar.receive.well_formed import LARGEST_PART, MOST_PARTS, cut_well_formed
from contracts.errors import ContractError
from contracts.otlp import encode_export
from contracts.payload import cut_export
from contracts.prediction_layout import read_prediction
from contracts.wire import bytes_field
from tests.audit_sidecar.producers import Producer

SPAN = bytes_field(1, b"T" * 16) + bytes_field(2, b"S" * 8)


def _export(*spans: bytes, resource: bytes = b"", scope: bytes = b"", url: bytes = b"") -> bytes:
    scope_spans = bytes_field(1, scope) + b"".join(bytes_field(2, span) for span in spans) + bytes_field(3, url)
    return bytes_field(1, bytes_field(1, resource) + bytes_field(2, scope_spans) + bytes_field(3, url))


BROKEN = b"\xff\xfe"
CASES = {
    "sound": _export(SPAN, SPAN, url=b"https://x"),
    "empty": b"",
    "a broken span": _export(SPAN, b"\x0a\xff"),
    "a span's text": _export(bytes_field(5, BROKEN)),
    "a broken resource": _export(SPAN, resource=b"\x0a\x05x"),
    "a broken scope": _export(SPAN, scope=bytes_field(1, BROKEN)),
    "a broken URL": _export(SPAN, url=BROKEN),
    "cut off": _export(SPAN)[:-1],
    "deep": _export(bytes_field(9, bytes_field(2, bytes_field(5, b"") * 3))),
    "unknown fields": _export(SPAN) + bytes_field(99, b"x"),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_are_judged_as_the_whole_is(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused or cut alike, whichever way is taken."""
    monkeypatch.setattr(well_formed, "DECODED_WHOLE", -1)
    request = CASES[case]
    try:
        ExportTraceServiceRequest.FromString(request)
    except Exception:
        with pytest.raises(ContractError):
            cut_well_formed(request)
    else:
        assert cut_well_formed(request).payloads == tuple(cut_export(request))


@pytest.mark.parametrize(
    "request_",
    [
        b"\x0a\x00" * (4 * MOST_PARTS),
        bytes_field(1, b"\x12\x00" * (4 * MOST_PARTS)),
        bytes_field(1, bytes_field(2, b"\x12\x00" * (MOST_PARTS + 1))),
        _export(bytes_field(5, b"n" * LARGEST_PART)),
        _export(SPAN, resource=bytes_field(9, b"n" * LARGEST_PART)),
        _export(SPAN, scope=bytes_field(9, b"n" * LARGEST_PART)),
        _export(SPAN, url=b"n" * (LARGEST_PART + 1)),
    ],
)
def test_beyond_the_bounds_is_too_large(request_: bytes) -> None:
    """Too many parts, or one too large: 413, and not what the decoder would make of it."""
    with pytest.raises(TooLarge):
        cut_well_formed(request_)


def test_facts_are_of_predictions_alone() -> None:
    """Found where every span is a prediction in the service's layout, large or small, and only for a producer."""
    ours = Producer()
    context = ours.context
    for count in (1, 300):
        spans = [ours.record(seq).span for seq in range(1, 4 * count) if seq % 4]
        request = encode_export(context.resource or b"", context.scope or b"", spans)
        found = cut_well_formed(request)
        assert found.facts == tuple(read_prediction(span) for span in spans)
        assert cut_well_formed(request, producer=False) == (found.payloads, None)
        other = encode_export(context.resource or b"", context.scope or b"", [*spans, SPAN])
        assert cut_well_formed(other).facts is None
    assert cut_well_formed(b"").facts is None


@pytest.mark.parametrize("resource", [b"\x0a\x05x", bytes_field(1, b"\x0a\x02\xff\xfe")])
def test_predictions_do_not_hide_a_broken_resource(resource: bytes) -> None:
    """What is beside the spans is decoded, whatever they are."""
    with pytest.raises(ContractError):
        cut_well_formed(encode_export(resource, b"", [Producer().record(1).span]))
