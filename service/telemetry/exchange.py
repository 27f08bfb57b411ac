# SPDX-License-Identifier: Apache-2.0
"""What telemetry may know of one HTTP exchange: input, answer, subject, caller and headers have no place in it."""

from typing import Any, Final

from contracts.otlp import SpanLink

_KEY: Final = "countersign_exchange"


class Exchange:
    """Filled in along the way of a request.

    ``request_id`` is 16 bytes; times are unix nanoseconds, ``evidence_wait`` seconds or None when nothing was waited
    for; ``route`` is a template, empty for a path that no route knows.
    """

    __slots__ = (
        "end",
        "error_type",
        "evidence_wait",
        "link",
        "method",
        "request_id",
        "route",
        "scheme",
        "start",
        "status",
    )

    def __init__(self, request_id: bytes, method: str, scheme: str, start: int) -> None:
        self.request_id = request_id
        self.method = method
        self.scheme = scheme
        self.start = start
        self.end = start
        self.route = ""
        self.status = 500
        self.error_type: str | None = None
        self.evidence_wait: float | None = None
        self.link: SpanLink | None = None

    def waited(self, seconds: float) -> None:
        """The answer was ready and waited this long for its evidence, in vain or not."""
        self.evidence_wait = seconds


def leave_exchange(scope: Any, exchange: Exchange) -> None:
    """Let those who answer the request add what they know."""
    scope[_KEY] = exchange


def exchange_of(scope: Any) -> Exchange | None:
    """The exchange of a request, or None when telemetry is off."""
    found: Exchange | None = scope.get(_KEY)
    return found
