# SPDX-License-Identifier: Apache-2.0
"""The request headers that the service looks at, read in one pass."""

from collections.abc import Iterable, Mapping
from typing import Final

from service.prediction.pii import find_personal_data
from service.prediction.rejection import RequestRejected
from service.web.problems import RequestRefused

_LONGEST_ID: Final = 128
_WANTED: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"traceparent",
        b"tracestate",
        b"x-request-id",
    }
)


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """The wanted headers by lower-case name; of a repeated one the first counts."""
    found: dict[bytes, str] = {}
    for name, value in raw:
        if name in _WANTED and name not in found:
            found[name] = value.decode("latin-1")
    return found


def require_json(headers: Mapping[bytes, str]) -> None:
    """Raise RequestRefused unless the body is plain JSON by its headers, or they say nothing of it."""
    if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
        raise RequestRefused(415, "content-encoding", "the body must be sent without Content-Encoding")
    content_type = headers.get(b"content-type", "application/json")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise RequestRefused(415, "media-type", "the body must be sent with Content-Type: application/json")


def client_request_id(value: str | None) -> str | None:
    """A caller's ``X-Request-Id``. Raises RequestRejected when it is too long, not ASCII, or holds personal data."""
    if value is None:
        return None
    if not 0 < len(value) <= _LONGEST_ID or not value.isascii() or not value.isprintable():
        raise RequestRejected(
            "header", f"X-Request-Id must be 1 to {_LONGEST_ID} printable ASCII characters", "X-Request-Id"
        )
    found = find_personal_data(value)
    if found is not None:
        raise RequestRejected("personal-data", f"X-Request-Id seems to hold {found}; remove it", "X-Request-Id")
    return value
