# SPDX-License-Identifier: Apache-2.0
"""Find and count records by part of the log, so that no question looks at all of it.

Subject and request id have an index each. For the rest, tallies say which full parts can hold a match; those, and the
leaves behind the last full part, are looked at one by one: by class and score where it is asked for those, else by
leaf.
"""

from collections.abc import Callable, Iterator
from typing import Final

from audit_sidecar.stores.postgresql import tallies
from audit_sidecar.stores.postgresql.pool import Row
from audit_sidecar.stores.postgresql.rows import PART_BITS, SUBJECT_PART_BITS
from audit_sidecar.stores.postgresql.search import (
    Clause,
    all_of,
    asks_for_kept,
    finds_nothing,
    has_few,
    of_class,
    of_leaf,
    of_score,
    of_subject,
    of_time,
)
from audit_sidecar.stores.store import Search

Ask = Callable[[str, tuple[object, ...]], list[Row]]
_CANDIDATES: Final = 64
_AT_ONCE: Final = 4
"""Parts that one statement looks at: 32,768 leaves."""
# Another index leads to what is wanted; that of the leaves must not be taken for the way to the newest of them.
_KEPT_PLACE, _LEAF_PLACE = "(k.leaf_index + 0)", "(l.leaf_index + 0)"


def find_indexes(ask: Ask, search: Search, end: int, limit: int) -> list[int]:
    """Indexes below ``end`` of the newest records that match, the newest first."""
    if finds_nothing(search) or end <= 0:
        return []
    if has_few(search):
        clause, place = _few(search, end)
        return tallies.part_numbers(
            ask(f"SELECT {place} {clause.text} ORDER BY {place} DESC LIMIT %s", (*clause.values, limit))
        )
    found: list[int] = []
    for parts in _newest_parts(ask, search, end, limit):
        clause, place = _in_parts(search, parts, end)
        query = f"SELECT {place} {clause.text} ORDER BY {place} DESC LIMIT %s"
        found += tallies.part_numbers(ask(query, (*clause.values, limit - len(found))))
        if len(found) >= limit:
            break
    return found


def count_records(ask: Ask, search: Search, end: int) -> int:
    """How many records below ``end`` match."""
    if finds_nothing(search) or end <= 0:
        return 0
    if has_few(search):
        return _count(ask, _few(search, end)[0])
    full = end >> PART_BITS
    total = _count(ask, _in_parts(search, [full], end)[0])
    for window in tallies.windows(full):
        torn: list[int] = []
        if tallies.has_period(search):
            clause = tallies.torn(search)
            torn = tallies.part_numbers(ask(tallies.TORN.format(clause.text), (*window, *clause.values)))
        clause = tallies.inside(search)
        total += ask(tallies.INSIDE.format(clause.text), (*window, torn, *clause.values))[0][0]
        if tallies.has_scores(search):
            clause = tallies.across(search)
            query, bounds = tallies.ACROSS.format(clause.text), (search.min_score, search.max_score)
            total += sum(ask(query, (*bounds, *p, torn, *clause.values))[0][0] for p in tallies.pieces(window))
        total += sum(_count(ask, _in_parts(search, parts, end)[0]) for parts in _pieces(torn))
    return total


def _few(search: Search, end: int) -> tuple[Clause, str]:
    of_kept = [*of_class(search, "k.class"), *of_score(search)]
    if search.subject is not None:
        parts = (end - 1 >> SUBJECT_PART_BITS) + 1
        of_leaves = of_time(search)
        table = "kept AS k" + (" JOIN leaf AS l ON l.leaf_index = k.leaf_index" if of_leaves else "")
        conditions = [*of_subject(search, parts), *of_kept, *of_leaves, Clause(f"{_KEPT_PLACE} < %s", (end,))]
        return _from(table, conditions), _KEPT_PLACE
    table = "leaf AS l"
    if asks_for_kept(search):
        table += " JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month"
    else:
        of_kept = of_leaf(search)
    return _from(table, [*of_time(search), *of_kept, Clause(f"{_LEAF_PLACE} < %s", (end,))]), _LEAF_PLACE


def _in_parts(search: Search, parts: list[int], end: int) -> tuple[Clause, str]:
    if not asks_for_kept(search):
        low, high = parts[-1] << PART_BITS, min(end, parts[0] + 1 << PART_BITS)
        leaves = Clause("l.leaf_index >= %s AND l.leaf_index < %s", (low, high))
        return _from("leaf AS l", [leaves, *of_leaf(search), *of_time(search)]), "l.leaf_index"
    bounds = Clause(f"(k.leaf_index >> {PART_BITS})::integer = ANY (%s) AND {_KEPT_PLACE} < %s", (parts, end))
    clause = _from("kept AS k", [bounds, *of_class(search, "k.class"), *of_score(search)])
    if not tallies.has_period(search):
        return clause, _KEPT_PLACE
    # Looked up one by one: what a planner makes of a join depends on what it knows of the newest leaves.
    timed = all_of(of_time(search))
    text = f" AND EXISTS (SELECT FROM leaf AS l WHERE l.leaf_index = k.leaf_index AND {timed.text} OFFSET 0)"
    return Clause(clause.text + text, (*clause.values, *timed.values)), _KEPT_PLACE


def _newest_parts(ask: Ask, search: Search, end: int, limit: int) -> Iterator[list[int]]:
    """The parts that may hold matches, from the newest on, each time as many as may give a page."""
    full = end >> PART_BITS
    yield [full]
    clause = tallies.candidates(search)
    below = full
    while below > 0:
        rows = ask(tallies.PARTS.format(clause.text), (below, *clause.values, _CANDIDATES))
        yield from _enough(rows, limit, together=asks_for_kept(search))
        if len(rows) < _CANDIDATES:
            return
        below = rows[-1][0]


def _enough(rows: list[Row], limit: int, together: bool) -> Iterator[list[int]]:
    parts: list[int] = []
    records = 0
    for part, count in rows:
        parts.append(part)
        records += count
        # Leaves are read by range, for which parts would have to be neighbours.
        if not together or records >= limit or len(parts) == _AT_ONCE:
            yield parts
            parts, records = [], 0
    if parts:
        yield parts


def _pieces(parts: list[int]) -> Iterator[list[int]]:
    # Torn parts are few, and lie where a period begins and ends.
    for part in parts:
        yield [part]


def _from(table: str, conditions: list[Clause]) -> Clause:
    clause = all_of(conditions)
    return Clause(f"FROM {table} WHERE {clause.text}", clause.values)


def _count(ask: Ask, clause: Clause) -> int:
    return int(ask(f"SELECT count(*) {clause.text}", clause.values)[0][0])
