# SPDX-License-Identifier: Apache-2.0
"""A record back from its row, in every database that keeps rows."""

from collections.abc import Callable
from typing import Any

from audit_sidecar.stores.kept_span import KeptSpan, SpanKeeper
from audit_sidecar.stores.row_values import read_leaf
from audit_sidecar.stores.store import Finding, StoredRecord
from contracts.payload import Payload, PayloadContext


def read_record(
    row: tuple[Any, ...],
    context: PayloadContext | None,
    spans: SpanKeeper,
    subject_text: Callable[[Any], str | None],
) -> StoredRecord:
    """A row of a store's `SELECT_RECORD`, with the context that it names and what its subject column stands for."""
    index, leaf_hash, *rest = row
    leaf = read_leaf(tuple(rest[:9]))
    salt, subject, score, dictionary, data, _ = rest[9:]
    if context is None or data is None:
        return StoredRecord(index, leaf, leaf_hash, salt, None)
    span = spans.unpack(KeptSpan(dictionary, data), leaf, Finding(subject_text(subject), None, score))
    return StoredRecord(index, leaf, leaf_hash, salt, Payload(context, span))
