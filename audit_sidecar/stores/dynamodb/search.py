# SPDX-License-Identifier: Apache-2.0
"""Which commits a search has to look into, newest first, and whether a record is what was asked for.

Narrow filters (request, subject) name leaves; model and rare kinds name commits; everything else looks into commits one
after the other, of which nearly each has what is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from typing import Final

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.store import Finding, Search, StoredRecord, StreamState

Listed = Callable[[str, int], Iterator[int]]
_NO_END: Final = 1 << 63


class Candidates:
    """Leaves that may match, commit by commit."""

    def __init__(self, commits: Commits, listed: Listed) -> None:
        self._commits = commits
        self._listed = listed

    def newest_first(self, search: Search) -> Iterator[tuple[CommitItem, Sequence[int]]]:
        """Commits in descending order, each with the leaves to look at in ascending order; none twice."""
        bounds = [bound for bound in (search.before, search.size) if bound is not None]
        before = min([*bounds, _NO_END])
        for item in self._items(search, before):
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

    def _items(self, search: Search, before: int) -> Iterator[CommitItem]:
        partitions = _partitions(search)
        if partitions is None:
            yield from self._commits.backwards(before)
            return
        recent = self._commits.recent()
        low = recent.beginning
        yield from (item for item in recent.backwards() if item.start < before)
        # Below the tail the index names them; a commit is looked into once, however many of its leaves are named.
        named = merge(*(self._listed(pk, min(before, low)) for pk in partitions), reverse=True)
        last = -1
        for index in named:
            for item in self._commits.covering(index, index + 1):
                if item.n != last:
                    last = item.n
                    yield item


def _partitions(search: Search) -> list[str] | None:
    """The partitions of the index that name what may match; None where every commit has to be looked into."""
    if search.subject is not None:
        return [keys.by_subject(search.subject)]
    if search.request_id is not None:
        return [keys.by_trace(search.request_id), keys.by_request(search.request_id)]
    if search.kind is not None and search.kind not in keys.EVERYWHERE:
        return [keys.by_kind(search.kind)]
    if search.model is not None:
        return [keys.by_model(search.model)]
    return None


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
