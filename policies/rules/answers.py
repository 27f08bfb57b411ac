# SPDX-License-Identifier: Apache-2.0
"""Findings about what people were asked on a card: a text that is missing, says nothing or stands twice, and a date.

A path names a value from the top of the card: ``("oversight", "stop")`` is written ``oversight.stop``.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.rules.judgement import Finding
from policies.rules.text import repeated, says_nothing
from policies.targets.bundle import BundleTarget

Path = tuple[str | int, ...]


class Question(NamedTuple):
    """A text that a card should give, where, and what it should say."""

    path: Path
    text: str | None
    wanted: str


def dotted(path: Path) -> str:
    """Write a path as people do: ``limitations[0].condition``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def finding(
    bundle: BundleTarget, path: Path, message: str, wanted: str, seen: object = None, mend: str | None = None
) -> Finding:
    """A finding at a value of the card, or at its parent where it is missing."""
    return Finding(
        place=bundle.at(*path), message=message, wanted=wanted, seen=None if seen is None else str(seen), mend=mend
    )


def unanswered(bundle: BundleTarget, questions: Iterable[Question]) -> Iterator[Finding]:
    """Every question without an answer, and every answer that was already given to another question."""
    asked = tuple(questions)
    for path, text, wanted in asked:
        if text is None:
            yield finding(bundle, path, f"{dotted(path)} is missing", wanted)
        elif says_nothing(text):
            yield finding(bundle, path, f"{dotted(path)} says nothing", wanted, text)
    by_name = {dotted(question.path): question for question in asked}
    answered = ((name, None if says_nothing(item.text) else item.text) for name, item in by_name.items())
    for name, first in repeated(answered):
        path, text, wanted = by_name[name]
        yield finding(bundle, path, f"{name} repeats {first}", wanted, text, "answer each question on its own")


def undated(
    bundle: BundleTarget, path: Path, value: dt.date | None, as_of: dt.date, oldest: dt.date | None = None
) -> Iterator[Finding]:
    """A date that is missing, later than the date of the run, or earlier than ``oldest``."""
    name = dotted(path)
    if value is None:
        yield finding(bundle, path, f"{name} is missing", f"a date not after {as_of}")
    elif value > as_of:
        yield finding(bundle, path, f"{name} is in the future", f"a date not after {as_of}", value)
    elif oldest is not None and value < oldest:
        yield finding(bundle, path, f"{name} is too long ago", f"a date from {oldest} to {as_of}", value)
