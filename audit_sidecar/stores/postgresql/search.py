# SPDX-License-Identifier: Apache-2.0
"""A search as SQL. Only columns are named here; every value is bound."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from audit_sidecar.stores.postgresql.rows import subject_bytes, text_bytes
from audit_sidecar.stores.row_values import KIND_NUMBER, signed
from audit_sidecar.stores.store import Search


class Clause(NamedTuple):
    """Part of a statement, with the values to bind."""

    text: str
    values: tuple[object, ...]


def all_of(clauses: Iterable[Clause]) -> Clause:
    """What holds where every one of them does."""
    chosen = list(clauses)
    text = " AND ".join(clause.text for clause in chosen) or "true"
    return Clause(text, tuple(value for clause in chosen for value in clause.values))


def finds_nothing(search: Search) -> bool:
    """Whether a bound is no number: nothing lies within, though PostgreSQL sorts NaN above everything."""
    return any(bound is not None and math.isnan(bound) for bound in (search.min_score, search.max_score))


def has_few(search: Search) -> bool:
    """Whether an index leads to all there can be."""
    return search.subject is not None or search.request_id is not None


def asks_for_kept(search: Search) -> bool:
    """Whether it asks for what is erased with a payload."""
    return (search.label, search.min_score, search.max_score) != (None, None, None)


def of_leaf(search: Search) -> list[Clause]:
    """What a leaf and its stream say: kind, model and version."""
    stream = "l.stream IN (SELECT id FROM stream WHERE {} = %s)"
    return _given(
        ("l.kind = %s", _kind(search)),
        (stream.format("model_id"), text_bytes(search.model)),
        (stream.format("model_version"), text_bytes(search.version)),
    )


def of_time(search: Search) -> list[Clause]:
    """The period, and the request."""
    chosen = _given(
        ("l.time >= %s", None if search.start is None else signed(search.start)),
        ("l.time < %s", None if search.stop is None else signed(search.stop)),
    )
    if search.request_id is not None:
        chosen.append(Clause("(l.trace = %s OR l.about = %s)", (search.request_id, search.request_id)))
    return chosen


def of_class(search: Search, column: str) -> list[Clause]:
    """Kind, model, version and label, as the class that ``column`` names."""
    chosen = _given(
        ("kind = %s", _kind(search)),
        ("model_id = %s", text_bytes(search.model)),
        ("model_version = %s", text_bytes(search.version)),
        ("label = %s", text_bytes(search.label)),
    )
    if not chosen:
        return []
    text, values = all_of(chosen)
    return [Clause(f"{column} = ANY (ARRAY (SELECT id FROM class WHERE {text}))", values)]  # noqa: S608


def of_score(search: Search) -> list[Clause]:
    """Bounds of the score of what is kept."""
    return _given(("k.score >= %s", search.min_score), ("k.score <= %s", search.max_score))


def of_subject(search: Search, parts: int) -> list[Clause]:
    """The subject of what is kept, looked for in so many parts of its index, by its beginning and then whole."""
    if search.subject is None:
        return []
    subject = subject_bytes(search.subject)
    text = "(k.leaf_index >> 16)::integer = ANY (%s) AND substr(k.subject, 1, 9) = substr(%s, 1, 9) AND k.subject = %s"
    return [Clause(text, (list(range(parts)), subject, subject))]


def _kind(search: Search) -> int | None:
    return None if search.kind is None else KIND_NUMBER.get(search.kind, -1)


def _given(*conditions: tuple[str, object | None]) -> list[Clause]:
    return [Clause(text, (value,)) for text, value in conditions if value is not None]
