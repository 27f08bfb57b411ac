# SPDX-License-Identifier: Apache-2.0
"""Versions as Semantic Versioning 2.0.0 writes and orders them (https://semver.org/spec/v2.0.0.html)."""

import re
from typing import Final

_VERSION: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII
)
_NUMBER: Final = re.compile(r"0|[1-9]\d*", re.ASCII)

Precedence = tuple[tuple[int, int, int], bool, tuple[tuple[int, int, str], ...]]


def precedence(version: str) -> Precedence | None:
    """A key by which versions order, or None if the text is no semantic version; build metadata does not count."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    if match[4] is None:
        return numbers, True, ()
    parts = match[4].split(".")
    if not all(parts) or any(part.isdecimal() and not _NUMBER.fullmatch(part) for part in parts):
        return None
    # Numbers come before words, and fewer parts before more.
    return numbers, False, tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
