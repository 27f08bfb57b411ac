# SPDX-License-Identifier: Apache-2.0
"""CODEOWNERS as GitHub reads it: the last line whose pattern matches a path says who owns it, also when it says nobody.

Patterns are those of .gitignore, with GitHub's differences: no negation, no character classes, and a pattern that ends
in ``/*`` matches files directly in that folder alone. A line that GitHub would ignore is kept with no owner, so that it
is seen to protect nothing.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from msgspec import Struct

PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in this order; the first that is there counts alone."""

_OWNER: Final = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9_.-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+")
_WORD: Final = re.compile(r"(?:\\.|[^\s\\])+")


class Owners(Struct, frozen=True):
    """One line of CODEOWNERS."""

    pattern: str
    owners: tuple[str, ...]
    line: int


def parse_code_owners(text: str) -> tuple[Owners, ...]:
    """Every line that has a pattern, in order; owners that GitHub would not understand are left out."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _WORD.findall(line.strip())
        if not words or words[0].startswith("#"):
            continue
        owners = []
        for word in words[1:]:
            if word.startswith("#"):
                break
            owners.append(word)
        understood = tuple(word for word in owners if _OWNER.fullmatch(word))
        found.append(Owners(words[0], understood if _understood(words[0]) else (), number))
    return tuple(found)


def owning_line(lines: Iterable[Owners], path: str) -> Owners | None:
    """The line that decides about a path relative to the root; None if no line matches."""
    found = None
    for line in lines:
        if _understood(line.pattern) and _expression(line.pattern).fullmatch(path):
            found = line
    return found


def _understood(pattern: str) -> bool:
    return not pattern.startswith("!") and "[" not in pattern


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    body = re.sub(r"\\(.)", r"\1", pattern)
    folder = body.endswith("/")
    # A slash at the start or in the middle ties the pattern to the root.
    anchored = "/" in body[:-1]
    parts = [part for part in body.strip("/").split("/") if part]
    text = "" if anchored else "(?:.*/)?"
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += ".+" if last else "(?:.*/)?"
            continue
        text += "".join(_character(character) for character in part) + ("" if last else "/")
    shallow = anchored and parts[-1:] == ["*"] and not folder
    return re.compile(text + ("/.+" if folder else "" if shallow else "(?:/.*)?"), re.DOTALL)


def _character(character: str) -> str:
    return {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
