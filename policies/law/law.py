# SPDX-License-Identifier: Apache-2.0
"""Law as data: which sources the rules cite, what their points are called, and from when a duty applies.

Where sources disagree, a duty keeps every reading, and `applies_from` is the one the gate goes by. Nothing here is
legal advice; every file says when it was read and where.
"""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from policies.errors import CannotEvaluate
from policies.rules.rule import Control

FOLDER: Final = Path(__file__).parent


class Reading(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one source says of a duty's date."""

    says: str
    source: str
    applies_from: dt.date | None = None


class Duty(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that has to be done from a date on."""

    key: str
    title: str
    applies_from: dt.date
    readings: tuple[Reading, ...]


class Point(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An article, section or control, as rules cite it. ``duty`` is the key of the duty it belongs to."""

    reference: str
    title: str
    duty: str | None = None


class Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A law, a standard or a supervisory letter."""

    key: str
    title: str
    version: str
    source: str
    """Where it can be read."""
    as_of: dt.date
    """When it was last read for this pack."""
    applies_from: dt.date | None = None
    rescinded: dt.date | None = None
    replaced_by: str | None = None
    also_known_as: tuple[str, ...] = ()
    """Spellings by which a card may cite it."""
    duties: tuple[Duty, ...] = ()
    points: tuple[Point, ...] = ()


class LawPack(Struct, frozen=True):
    """Every source that the rules cite."""

    sources: tuple[Source, ...]

    @property
    def as_of(self) -> dt.date:
        """When the source that was read longest ago was read."""
        return min(source.as_of for source in self.sources)

    def source(self, key: str) -> Source:
        """The source of this key. Raises CannotEvaluate."""
        for source in self.sources:
            if source.key == key:
                return source
        raise CannotEvaluate(f"the law pack has no source {key!r}; add policies/law/{key}.toml or mend the rule")

    def point(self, control: Control) -> Point:
        """The point that a rule cites. Raises CannotEvaluate."""
        for point in self.source(control.framework).points:
            if point.reference == control.reference:
                return point
        raise CannotEvaluate(
            f"policies/law/{control.framework}.toml has no point {control.reference!r}; add it or mend the rule"
        )

    def duty(self, key: str) -> Duty:
        """The dated duty of this key. Raises CannotEvaluate."""
        for source in self.sources:
            for duty in source.duties:
                if duty.key == key:
                    return duty
        raise CannotEvaluate(f"the law pack has no duty {key!r}; add it or mend the rule")

    def applies_from(self, control: Control) -> dt.date | None:
        """From when the point that a rule cites applies: its duty's date, else its source's."""
        duty = self.point(control).duty
        return self.source(control.framework).applies_from if duty is None else self.duty(duty).applies_from


def load_law(folder: Path = FOLDER) -> LawPack:
    """Read every TOML file of a folder. Raises CannotEvaluate."""
    sources = tuple(_read(file) for file in sorted(folder.glob("*.toml")))
    if not sources:
        raise CannotEvaluate(f"{folder} holds no law: without it no rule can say what it rests on; restore its files")
    return LawPack(sources)


def _read(file: Path) -> Source:
    try:
        source = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Source)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CannotEvaluate(f"{file}: {error}; restore the file") from None
    if source.key != file.stem:
        raise CannotEvaluate(f"{file}: the key is {source.key!r}; name the file after it")
    return source
