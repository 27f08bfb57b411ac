# SPDX-License-Identifier: Apache-2.0
"""Read numbers, base64 and UTF-8 so that each value has exactly one accepted spelling.

Python's own parsers accept more than the formats do (`int("1_0")`, `int(" 7")`, base64 with stray bits or junk), and
whoever accepts two spellings of one value cannot reject every mutation of it. Raises `Malformed` and nothing else.
"""

import base64
import binascii
import re

from audit_sidecar.tlog.errors import Malformed

MAX_SIZE = (1 << 63) - 1  # Go readers of these formats hold sizes and indexes in an int64

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def read_decimal(text: str, what: str) -> int:
    """Return the number in canonical ASCII decimal, 0 to `MAX_SIZE`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Malformed(f"{what} is not a canonical decimal number up to {MAX_SIZE}: {text[:40]!r}")
    return int(text)


def read_base64(text: str, what: str) -> bytes:
    """Return the bytes of padded standard base64 (RFC 4648 §4) with no stray bits."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Malformed(f"{what} is not standard padded base64: {text[:40]!r}") from error
    if write_base64(data) != text:
        raise Malformed(f"{what} is not canonical base64: {text[:40]!r}")
    return data


def read_hash(text: str, what: str) -> bytes:
    """Return the 32 bytes of a base64 SHA-256 hash."""
    data = read_base64(text, what)
    if len(data) != 32:
        raise Malformed(f"{what} holds {len(data)} bytes, a SHA-256 hash has 32")
    return data


def write_base64(data: bytes) -> str:
    """Return padded standard base64."""
    return base64.b64encode(data).decode("ascii")


def read_utf8(data: bytes, what: str, limit: int) -> str:
    """Return the text of at most `limit` bytes of UTF-8 without control characters other than line feed."""
    if len(data) > limit:
        raise Malformed(f"{what} has {len(data)} bytes, more than {limit}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8 at byte {error.start}") from error
    for char in set(text):
        if char < " " and char != "\n":
            raise Malformed(f"{what} holds the control character U+{ord(char):04X}; lines end in a single line feed")
    return text
