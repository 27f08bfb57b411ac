# SPDX-License-Identifier: Apache-2.0
"""Which parts of the log a search has to look at, and how many records those hold that it need not look at.

A part that is full has a tally: of each class and bucket of scores how many records, between which times and scores.
What lies wholly within the filters is counted by it; what lies across a bound is looked at.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from audit_sidecar.stores.postgresql.pool import Row
from audit_sidecar.stores.postgresql.search import Clause, all_of, of_class
from audit_sidecar.stores.row_values import signed
from audit_sidecar.stores.store import Search

PARTS_AT_ONCE: Final = 4_096
"""Parts whose tallies one statement reads; of a log of ten million leaves there are 1,220."""
_PARTS_ACROSS: Final = 64
"""The same where each is counted by an index besides, or row by row where no vacuum has come by yet."""

PARTS: Final = (
    "SELECT t.part, sum(t.records)::bigint FROM tally AS t WHERE t.part < %s AND {} "
    "GROUP BY t.part ORDER BY t.part DESC LIMIT %s"
)
TORN: Final = "SELECT DISTINCT t.part FROM tally AS t WHERE t.part >= %s AND t.part < %s AND {} ORDER BY t.part"
INSIDE: Final = (
    "SELECT coalesce(sum(t.records), 0)::bigint FROM tally AS t "
    "WHERE t.part >= %s AND t.part < %s AND t.part <> ALL (%s::integer[]) AND {}"
)
ACROSS: Final = """
SELECT coalesce(sum(found.records), 0)::bigint FROM tally AS t CROSS JOIN LATERAL (
    SELECT count(*) AS records FROM kept AS k
    WHERE (k.leaf_index >> 13)::integer = t.part AND k.class = t.class
    AND k.score >= greatest(t.low, %s) AND k.score <= least(t.high, %s)
) AS found WHERE t.part >= %s AND t.part < %s AND t.part <> ALL (%s::integer[]) AND {}
"""


class Window(NamedTuple):
    """Full parts from ``low`` to before ``high``."""

    low: int
    high: int


def windows(full: int) -> Iterator[Window]:
    """All full parts, in pieces that a statement reads in time."""
    for low in range(0, full, PARTS_AT_ONCE):
        yield Window(low, min(full, low + PARTS_AT_ONCE))


def pieces(window: Window) -> Iterator[Window]:
    """The same, in pieces of which a statement can look into every part."""
    for low in range(window.low, window.high, _PARTS_ACROSS):
        yield Window(low, min(window.high, low + _PARTS_ACROSS))


def candidates(search: Search) -> Clause:
    """Tallies of which some record may match."""
    return all_of([*of_class(search, "t.class"), *_score_touches(search), *_time_touches(search)])


def torn(search: Search) -> Clause:
    """Those across a bound of the period: their parts have to be looked at."""
    within = all_of(_time_within(search))
    return all_of([candidates(search), Clause(f"NOT ({within.text})", within.values)])


def inside(search: Search) -> Clause:
    """Those of which every record matches, in parts that are not torn."""
    return all_of([candidates(search), *_score_within(search)])


def across(search: Search) -> Clause:
    """Those across a bound of the score, in parts that are not torn."""
    within = all_of(_score_within(search))
    return all_of([candidates(search), Clause(f"NOT ({within.text})", within.values)])


def has_period(search: Search) -> bool:
    """Whether there can be torn parts."""
    return (search.start, search.stop) != (None, None)


def has_scores(search: Search) -> bool:
    """Whether there can be tallies across a bound of the score."""
    return (search.min_score, search.max_score) != (None, None)


def part_numbers(rows: list[Row]) -> list[int]:
    """The first column."""
    return [row[0] for row in rows]


def _score_touches(search: Search) -> list[Clause]:
    return _bounds(("t.high >= %s", search.min_score), ("t.low <= %s", search.max_score))


def _score_within(search: Search) -> list[Clause]:
    return _bounds(("t.low >= %s", search.min_score), ("t.high <= %s", search.max_score))


def _time_touches(search: Search) -> list[Clause]:
    return _bounds(("t.last_time >= %s", _time(search.start)), ("t.first_time < %s", _time(search.stop)))


def _time_within(search: Search) -> list[Clause]:
    return _bounds(("t.first_time >= %s", _time(search.start)), ("t.last_time < %s", _time(search.stop)))


def _time(time: int | None) -> int | None:
    return None if time is None else signed(time)


def _bounds(*conditions: tuple[str, object | None]) -> list[Clause]:
    return [Clause(text, (value,)) for text, value in conditions if value is not None]
