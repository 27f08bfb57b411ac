# SPDX-License-Identifier: Apache-2.0
"""UUIDv7 ids (RFC 9562 §5.7, monotonic within a process) and their text.

A request id is 16 bytes inside the programs, the same 16 bytes as OTLP trace id, and UUID text in JSON.
"""

import os
import re
import threading
import time

from contracts.errors import ContractError

_UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_RANDOM_BLOCK = 4096


class IdSource:
    """Makes UUIDv7s that strictly grow, whatever the wall clock does. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._random = b""
        self._used = 0

    def request_id(self) -> bytes:
        """A fresh UUIDv7 as 16 bytes: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits."""
        with self._lock:
            # RFC 9562 §6.2 method 3: the 12 bits after the version count fractions of the millisecond.
            milliseconds, rest = divmod(time.time_ns(), 1_000_000)
            tick = max(milliseconds << 12 | rest * 4096 // 1_000_000, self._last + 1)
            self._last = tick
            tail = int.from_bytes(self._take(8)) & 0x3FFF_FFFF_FFFF_FFFF
        high = (tick >> 12) << 16 | 0x7000 | (tick & 0xFFF)
        return (high << 64 | 0x8000_0000_0000_0000 | tail).to_bytes(16)

    def span_id(self) -> bytes:
        """Eight random bytes, never all zero (OTLP calls those invalid)."""
        with self._lock:
            found = self._take(8)
        return found if any(found) else b"\x00" * 7 + b"\x01"

    def _take(self, count: int) -> bytes:
        if self._used + count > len(self._random):
            self._random, self._used = os.urandom(_RANDOM_BLOCK), 0
        start, self._used = self._used, self._used + count
        return self._random[start : self._used]


def uuid_text(raw: bytes) -> str:
    """The lower-case UUID text of 16 bytes."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_uuid(text: str) -> bytes:
    """The 16 bytes of a lower-case UUID text; ContractError for any other spelling."""
    if _UUID_TEXT.fullmatch(text) is None:
        raise ContractError(f"{text[:64]!r} is not the text of a UUID in lower case")
    return bytes.fromhex(text.replace("-", ""))


def is_uuid7(raw: bytes) -> bool:
    """Whether 16 bytes carry UUID version 7 and the RFC 9562 variant."""
    return len(raw) == 16 and raw[6] >> 4 == 7 and raw[8] >> 6 == 0b10
