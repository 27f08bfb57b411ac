# SPDX-License-Identifier: Apache-2.0
"""A caller's W3C trace context becomes a link of the evidence span. It is never adopted, and its flags mean nothing.

``tracestate`` is free text, so it is left out when it is too long, is not ASCII, or holds personal data.
"""

import re
from typing import Final

from contracts.otlp import SpanLink
from service.prediction.pii import find_personal_data

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.ASCII)
_MAX_STATE: Final = 512


def read_link(traceparent: str | None, tracestate: str | None) -> SpanLink | None:
    """The link of a valid ``traceparent`` (W3C Trace Context §3.2), or None: a malformed one is ignored."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    version, trace_id, span_id, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    state = tracestate or ""
    if len(state) > _MAX_STATE or not state.isascii() or find_personal_data(state) is not None:
        state = ""
    return SpanLink(bytes.fromhex(trace_id), bytes.fromhex(span_id), state)
