# SPDX-License-Identifier: Apache-2.0
"""``google.rpc.Status`` and the details that OTLP senders read, as protobuf bytes. Source: googleapis google/rpc."""

from enum import IntEnum
from typing import Final

from contracts.wire import bytes_field, varint_field

RETRY_SECONDS: Final = 1
"""How long a sender is asked to wait."""

_TYPES: Final = "type.googleapis.com/google.rpc."


class Code(IntEnum):
    """``google.rpc.Code``, as far as the receivers answer with one."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


def encode_status(code: Code, message: str, details: bytes = b"") -> bytes:
    """A Status; ``details`` is what `bad_request` or `retry_details` gave."""
    return varint_field(1, code) + bytes_field(2, message.encode()) + details


def bad_request(description: str) -> bytes:
    """Details: a BadRequest with one violation, of the request as a whole."""
    return _detail("BadRequest", bytes_field(1, bytes_field(2, description.encode())))


def retry_details() -> bytes:
    """Details: `retry_info`, where Go and Java look for it."""
    return _detail("RetryInfo", retry_info())


def retry_info() -> bytes:
    """A RetryInfo of `RETRY_SECONDS`; Python looks for it alone, in ``google.rpc.retryinfo-bin``."""
    return bytes_field(1, varint_field(1, RETRY_SECONDS))


def _detail(name: str, value: bytes) -> bytes:
    return bytes_field(3, bytes_field(1, f"{_TYPES}{name}".encode()) + bytes_field(2, value))
