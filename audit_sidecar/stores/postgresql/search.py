# SPDX-License-Identifier: Apache-2.0
"""A search as SQL. Only columns are named here; every value is bound."""

import math
from typing import NamedTuple

from audit_sidecar.stores.postgresql.rows import KIND_NUMBER, signed, text_bytes
from audit_sidecar.stores.store import Search

_STREAM = "l.stream IN (SELECT id FROM stream WHERE {} = %s)"


class Clause(NamedTuple):
    """FROM and WHERE with the values to bind. ``few`` = an index leads to all there are."""

    text: str
    values: tuple[object, ...]
    few: bool


def search_clause(search: Search) -> Clause:
    """The filters of a search but for its bounds in the log."""
    subject = text_bytes(search.subject)
    conditions: list[tuple[str, object | None]] = [
        ("l.kind = %s", None if search.kind is None else KIND_NUMBER.get(search.kind, -1)),
        ("substr(f.subject, 1, 32) = %s", None if subject is None else subject[:32]),
        ("f.subject = %s", subject),
        ("f.label = %s", text_bytes(search.label)),
        ("f.score >= %s", search.min_score),
        ("f.score <= %s", search.max_score),
        (_STREAM.format("model_id"), text_bytes(search.model)),
        (_STREAM.format("model_version"), text_bytes(search.version)),
        ("l.time >= %s", None if search.start is None else signed(search.start)),
        ("l.time < %s", None if search.stop is None else signed(search.stop)),
    ]
    chosen = [(text, value) for text, value in conditions if value is not None]
    texts, values = [text for text, _ in chosen], [value for _, value in chosen]
    if search.request_id is not None:
        texts.append("(l.trace = %s OR l.about = %s)")
        values += [search.request_id, search.request_id]
    # PostgreSQL sorts NaN above everything; to us it is a bound that nothing lies within.
    if any(bound is not None and math.isnan(bound) for bound in (search.min_score, search.max_score)):
        texts.append("false")
    joined = any(text.startswith(("f.", "substr(f.")) for text in texts)
    tables = "leaf AS l" + (" JOIN finding AS f ON f.leaf_index = l.leaf_index" if joined else "")
    few = search.subject is not None or search.request_id is not None
    return Clause(f"FROM {tables} WHERE {' AND '.join(texts) or 'true'}", tuple(values), few)
