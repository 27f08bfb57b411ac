# SPDX-License-Identifier: Apache-2.0
"""Which leaves a search has to look at, newest first, and whether a record is what was asked for.

Request and subject name few commits, model and rare kinds some; everything else looks into commits one after the other,
of which nearly each has what is asked for.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.lookups import Lookups
from audit_sidecar.stores.store import Finding, Search, StoredRecord, StreamState

_NO_END: Final = 1 << 63


def newest_first(lookups: Lookups, search: Search) -> Iterator[tuple[CommitItem, Sequence[int]]]:
    """Commits in descending order, each with the leaves to look at in ascending order; none twice."""
    bounds = [bound for bound in (search.before, search.size) if bound is not None]
    before = min([*bounds, _NO_END])
    for item in lookups.backwards(search, before):
        indexes = [
            index
            for index, leaf in enumerate(item.leaves[: max(0, before - item.start)], start=item.start)
            if (search.kind is None or leaf.kind == search.kind)
            and (search.request_id is None or search.request_id in (leaf.id, leaf.trace))
            and (search.start is None or leaf.time >= search.start)
            and (search.stop is None or leaf.time < search.stop)
        ]
        if indexes:
            yield item, indexes


def matches(search: Search, record: StoredRecord, finding: Finding, state: StreamState | None) -> bool:
    """Whether every filter holds; ``state`` is the record's stream, where model or version are asked for."""
    if search.model is not None and (state is None or state.model_id != search.model):
        return False
    if search.version is not None and (state is None or state.model_version != search.version):
        return False
    if search.subject is not None and finding.subject != search.subject:
        return False
    if search.label is not None and finding.label != search.label:
        return False
    score = finding.score
    if search.min_score is not None and not (score is not None and score >= search.min_score):
        return False
    return search.max_score is None or (score is not None and score <= search.max_score)
