# SPDX-License-Identifier: Apache-2.0
"""Where a receiver does otherwise than the checklist wants, and why. Ours stands nowhere in it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.conformance.receiver.sending import JSON, PROTOBUF


class Difference(NamedTuple):
    """What is seen instead, and the reason."""

    seen: Any
    reason: str


_COLLECTOR = "the Collector"
_SET = "it sends partial_success set and empty, two bytes, where the specification wants the field left unset"
_EMPTY = b"\x0a\x00"
_LENIENT = "its JSON reader is more lenient than the specification: clients must not rely on it"

DIFFERENCES: Mapping[tuple[str, str], Difference] = {
    (_COLLECTOR, "C1 Export over gRPC"): Difference(("OK", _EMPTY, True), _SET),
    (_COLLECTOR, "C5 gzip over gRPC"): Difference(("OK", _EMPTY, True), _SET),
    (_COLLECTOR, "C5 an encoding nobody knows"): Difference(
        400, "it answers 400; neither is retried, and 415 is what HTTP has for a coding that is not supported"
    ),
    (_COLLECTOR, "C6 too large"): Difference(
        400, "it reports the cut-off body as a bad request; the specification asks for 413"
    ),
    (_COLLECTOR, "C6 too large once inflated"): Difference(400, "as above"),
    (_COLLECTOR, "C8 success in protobuf"): Difference((200, PROTOBUF, _EMPTY), _SET),
    (_COLLECTOR, "C8 success in JSON"): Difference((200, JSON, b'{"partialSuccess":{}}'), _SET),
    (_COLLECTOR, "C9 nothing in protobuf"): Difference((200, PROTOBUF, _EMPTY), _SET),
    (_COLLECTOR, "C9 nothing in JSON"): Difference((200, JSON, b'{"partialSuccess":{}}'), _SET),
    (_COLLECTOR, "C9 nothing over gRPC"): Difference(("OK", _EMPTY), _SET),
    (_COLLECTOR, "C13 malformed over gRPC"): Difference(
        ("INTERNAL", set()), "its gRPC library decodes before its receiver is asked, and says INTERNAL"
    ),
    (_COLLECTOR, "C19 the same twice"): Difference(
        (200, 200, 2), "it forwards what it gets; a log keeps the same bytes under the same ids once"
    ),
    (_COLLECTOR, "JSON an enum by name"): Difference(200, _LENIENT),
    (_COLLECTOR, "JSON null for unset"): Difference(
        400, "it refuses null for a number; protobuf's JSON mapping reads null as unset"
    ),
    (_COLLECTOR, "JSON keys of another spelling are unknown ones"): Difference(9, _LENIENT),
}
