# SPDX-License-Identifier: Apache-2.0
"""A search as SQL. Only columns are named here; every value is bound."""

from audit_sidecar.stores.row_values import KIND_NUMBER, signed
from audit_sidecar.stores.sqlite.rows import subject_key
from audit_sidecar.stores.store import Search

_PART = """
    (p.leaf_index >> 9) IN (
        WITH RECURSIVE part (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM part WHERE n < (SELECT size >> 9 FROM log))
        SELECT n FROM part
    ) AND substr(p.subject, 1, 8) = substr(?, 1, 8)
"""
"""As the index by subject is made: every part of it, then a subject's beginning."""


def search_clause(search: Search) -> tuple[str, tuple[object, ...]]:
    """The FROM and WHERE of a search and the values to bind."""
    stream = "l.stream IN (SELECT id FROM stream WHERE {} = ?)"
    conditions: list[tuple[str, object | None]] = [
        ("l.kind = ?", None if search.kind is None else KIND_NUMBER.get(search.kind, -1)),
        (_PART, subject_key(search.subject)),
        ("p.subject = ?", subject_key(search.subject)),
        ("p.label = ?", search.label),
        ("p.score >= ?", search.min_score),
        ("p.score <= ?", search.max_score),
        (stream.format("model_id"), search.model),
        (stream.format("model_version"), search.version),
        ("l.time >= ?", None if search.start is None else signed(search.start)),
        ("l.time < ?", None if search.stop is None else signed(search.stop)),
        ("l.leaf_index < ?", search.before),
        ("l.leaf_index < ?", search.size),
    ]
    chosen = [(text, value) for text, value in conditions if value is not None]
    values = [value for _, value in chosen]
    texts = [text for text, _ in chosen]
    if search.request_id is not None:
        texts.append("(l.trace = ? OR l.about = ?)")
        values += [search.request_id, search.request_id]
    tables = "leaf AS l"
    if search.subject is not None:
        # Few records are one subject's: start from them, whatever order the page is wanted in.
        tables = "payload AS p INDEXED BY payload_by_subject CROSS JOIN leaf AS l ON l.leaf_index = p.leaf_index"
    elif any(text.startswith("p.") for text in texts):
        tables = "leaf AS l JOIN payload AS p ON p.leaf_index = l.leaf_index"
    return f"FROM {tables}" + (f" WHERE {' AND '.join(texts)}" if texts else ""), tuple(values)
