# SPDX-License-Identifier: Apache-2.0
"""Times: unix nanoseconds inside, RFC 3339 UTC with nine fraction digits outside."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from contracts.errors import ContractError

_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    # Consecutive records share their second, so the expensive part is formatted once.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def format_time(nanoseconds: int) -> str:
    """RFC 3339 UTC with nine fraction digits and ``Z`` of unix nanoseconds in [0, 2**64)."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{fraction:09d}Z"


def parse_time(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time with an offset, or of a date (midnight UTC); ContractError otherwise."""
    if _DATE.fullmatch(text):
        text = f"{text}T00:00:00Z"
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ContractError(f"{text[:64]!r} is not an RFC 3339 time such as 2026-03-01T00:00:00Z")
    *whole, fraction, offset = match.groups()
    zone = "+00:00" if offset in "Zz" else offset
    year, month, day, hour, minute, second = whole
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}")
    except ValueError as error:
        raise ContractError(f"{text[:64]!r} is no time: {error}") from error
    nanoseconds = int(moment.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
    if nanoseconds < 0:
        raise ContractError(f"{text[:64]!r} lies before 1970")
    return nanoseconds
