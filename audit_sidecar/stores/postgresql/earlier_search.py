# SPDX-License-Identifier: Apache-2.0
"""Find and count while some records may still be kept in the earlier form: a window of the log at a time.

Subject and request id are found by their indexes; everything else looks at every leaf until all records are moved.
"""

from collections.abc import Iterator
from typing import Final

from audit_sidecar.stores.postgresql.rows import SUBJECT_PART_BITS, subject_bytes, text_bytes
from audit_sidecar.stores.postgresql.search import Clause, all_of, finds_nothing, has_few, of_leaf, of_time
from audit_sidecar.stores.postgresql.searching import Ask
from audit_sidecar.stores.store import Search

_FIRST_WINDOW, _WINDOW = 2_048, 32_768
_TABLES: Final = """
leaf AS l LEFT JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
LEFT JOIN class AS c ON c.id = k.class LEFT JOIN finding AS f ON f.leaf_index = l.leaf_index
"""
_OF_SUBJECT: Final = """l.leaf_index IN (
    SELECT leaf_index FROM finding WHERE substr(subject, 1, 32) = %s AND subject = %s UNION ALL
    SELECT leaf_index FROM kept WHERE (leaf_index >> 16)::integer = ANY (%s)
    AND substr(subject, 1, 9) = substr(%s, 1, 9) AND subject = %s)
"""
# Where another index leads to the few there are, that of the leaves must not be taken for the way.
_PLACE: Final = {False: "l.leaf_index", True: "(l.leaf_index + 0)"}


def find_indexes(ask: Ask, search: Search, end: int, limit: int) -> list[int]:
    """Indexes below ``end`` of the newest records that match, the newest first."""
    clause, place = _clause(search, end), _PLACE[has_few(search)]
    query = f"SELECT l.leaf_index {clause.text} AND {place} >= %s AND {place} < %s ORDER BY {place} DESC LIMIT %s"
    found: list[int] = []
    for low, high in _windows(search, end):
        found += [row[0] for row in ask(query, (*clause.values, low, high, limit - len(found)))]
        if len(found) >= limit:
            break
    return found


def count_records(ask: Ask, search: Search, end: int) -> int:
    """How many records below ``end`` match."""
    clause, place = _clause(search, end), _PLACE[has_few(search)]
    query = f"SELECT count(*) {clause.text} AND {place} >= %s AND {place} < %s"
    return sum(ask(query, (*clause.values, low, high))[0][0] for low, high in _windows(search, end))


def _clause(search: Search, end: int) -> Clause:
    chosen = [*of_leaf(search), *of_time(search)]
    if search.subject is not None:
        earlier, now = text_bytes(search.subject) or b"", subject_bytes(search.subject)
        parts = list(range((end >> SUBJECT_PART_BITS) + 1))
        chosen.append(Clause(_OF_SUBJECT, (earlier[:32], earlier, parts, now, now)))
    label = text_bytes(search.label)
    if label is not None:
        chosen.append(Clause("coalesce(c.label, f.label) = %s", (label,)))
    for sign, bound in ((">=", search.min_score), ("<=", search.max_score)):
        if bound is not None:
            chosen.append(Clause(f"coalesce(k.score, f.score) {sign} %s", (bound,)))
    if finds_nothing(search):
        chosen.append(Clause("false", ()))
    clause = all_of(chosen)
    return Clause(f"FROM {_TABLES} WHERE {clause.text}", clause.values)


def _windows(search: Search, end: int) -> Iterator[tuple[int, int]]:
    """Ranges that make up [0, end), the newest first and small: what is asked for is most often there."""
    width = end if has_few(search) else _FIRST_WINDOW
    while end > 0:
        low = max(0, end - width)
        yield low, end
        end, width = low, min(2 * width, _WINDOW)
