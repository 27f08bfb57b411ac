# SPDX-License-Identifier: Apache-2.0
"""How far a text can be judged: a placeholder says nothing, and one text in several places says it once.

Whether a text that does say something is true is left to people; a rule that read only texts says `self_reported`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from contracts.plain_text import plain

__all__ = ["plain", "repeated", "says_nothing"]

_PLACEHOLDERS: Final = frozenset(
    {
        "", "a", "as above", "as agreed", "as needed", "as required", "blank", "coming soon", "default", "description",
        "dummy", "empty", "example", "fill in", "fill me in", "fixme", "foo", "foo bar", "bar", "later", "lorem", "n a",
        "n k", "na", "nan", "nil", "no", "no data", "none", "not applicable", "not available", "not known", "not set",
        "not yet", "nothing", "null", "ok", "okay", "pending", "placeholder", "sample text", "same", "same as above",
        "see above", "see below", "some text", "someone", "something", "string", "tba", "tbc", "tbd", "test", "text",
        "to be added", "to be announced", "to be confirmed", "to be decided", "to be defined", "to be determined",
        "to be done", "to be filled in", "to do", "todo", "undefined", "unknown", "various", "wip",
        "work in progress", "xx", "xxx", "xxxx", "y", "yes",
    }
)  # fmt: skip
_OPENINGS: Final = ("lorem ipsum", "tbd ", "todo ", "fixme ", "tba ", "tbc ", "xxx ", "to be determined ")
_TEMPLATE: Final = re.compile(
    r"\{\{.*\}\}|\$\{.*\}|<(?:insert|your|fill|todo|enter|name|text|placeholder)\b[^>]*>|\[\s*\]"
)


def says_nothing(text: str | None) -> bool:
    """Whether a text is missing or a placeholder: ``TBD``, ``n/a``, ``-``, a template that nobody filled in."""
    if text is None:
        return True
    words = plain(text)
    letters = words.replace(" ", "")
    if words in _PLACEHOLDERS or letters in _PLACEHOLDERS or letters.isdecimal():
        return True
    if letters.isascii() and len(set(letters)) < 3:
        return True
    return words.startswith(_OPENINGS) or _TEMPLATE.search(text) is not None


def repeated(texts: Mapping[str, str | None] | Iterable[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Give each place whose text stands at an earlier place already, with that place; missing texts are left out."""
    first: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    for place, text in texts.items() if isinstance(texts, Mapping) else texts:
        if text is None:
            continue
        words = plain(text)
        if words in first:
            found.append((place, first[words]))
        else:
            first[words] = place
    return found
