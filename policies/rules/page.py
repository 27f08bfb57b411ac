# SPDX-License-Identifier: Apache-2.0
"""A rule's docstring as its page: the title line, five sections in order, and the YAML examples of the last two.

Whether an example does what its section says is left to the tests that run it.
"""

import re
from typing import Final, NamedTuple

from contracts.errors import CountersignError

SECTIONS: Final = ("What it checks", "Why", "Reference", "Fails", "Passes")
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class PageInvalid(CountersignError):
    """A docstring that is no page; the message says which part is missing or out of place."""


class Page(NamedTuple):
    """A page taken apart. ``title`` is the first line without the rule's id and the full stop."""

    id: str
    title: str
    sections: dict[str, str]

    @property
    def fails(self) -> tuple[str, ...]:
        """The YAML of every example under *Fails*."""
        return tuple(_EXAMPLE.findall(self.sections["Fails"]))

    @property
    def passes(self) -> tuple[str, ...]:
        """The YAML of every example under *Passes*."""
        return tuple(_EXAMPLE.findall(self.sections["Passes"]))


def read_page(docstring: str) -> Page:
    """Take a docstring apart. Raises PageInvalid."""
    first, _, rest = docstring.strip().partition("\n")
    id_, colon, title = first.partition(": ")
    if not colon or not title:
        raise PageInvalid(f"the docstring opens with {first!r}; write 'FAM-001: what holds.'")
    parts = _HEADING.split(rest)
    headings, bodies = parts[1::2], parts[2::2]
    if tuple(headings) != SECTIONS:
        raise PageInvalid(f"the docstring has the sections {headings}; write {list(SECTIONS)}, in this order")
    page = Page(id_, title.rstrip("."), dict(zip(headings, (body.strip() for body in bodies), strict=True)))
    _check(page)
    return page


def _check(page: Page) -> None:
    for heading, body in page.sections.items():
        if not body:
            raise PageInvalid(f"the section {heading!r} is empty; write it")
    for heading, examples in (("Fails", page.fails), ("Passes", page.passes)):
        if not examples:
            raise PageInvalid(f"the section {heading!r} has no example; add a fenced yaml block")
