# SPDX-License-Identifier: Apache-2.0
"""Make the index follow the log, commit after commit. Whatever is done twice comes out the same.

Every item is set to what follows from its commit alone, so several indexers, or one that was interrupted, do no harm.
How far the index has come is said last, and never goes back.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, write_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.reader import DynamoReader
from audit_sidecar.stores.dynamodb.requests import ConditionFailed, Item, Requests
from audit_sidecar.stores.store import Finding, StreamState


class Row(NamedTuple):
    """An index item: its key, and the attributes beside it."""

    pk: str
    sk: str
    values: Item


class Lag(NamedTuple):
    """Commits and leaves that the index does not cover."""

    commits: int
    leaves: int


class DynamoIndexer:
    """Writes the index of one log. Use from one thread."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._reader = DynamoReader(requests, commits)
        self._state = requests.location.state

    def catch_up(self, most: int = 64) -> Lag:
        """Index up to so many commits; what is still to do. Pushback or StoreAway when the store says no."""
        head = self._commits.refresh()
        done = self._indexed()
        for n in range(done + 1, min(head.n, done + most) + 1):
            self._index(self._commits.numbered(n))
            done = n
        covered = self._commits.numbered(done) if done else None
        return Lag(head.n - done, head.size - (0 if covered is None else covered.size))

    def _indexed(self) -> int:
        found = self._requests.get(self._state, keys.INDEXED)
        return 0 if found is None else int(found["n"]["N"])

    def _index(self, item: CommitItem) -> None:
        for row in rows_of(item, self._findings(item)):
            self._requests.update(self._state, keys.key(row.pk, row.sk), row.values)
        for state in item.streams:
            self._put_stream(state)
        n = {"N": str(item.n)}
        with suppress(ConditionFailed):  # another indexer came further
            self._requests.update(self._state, keys.INDEXED, {"n": n}, "attribute_not_exists(#a0) OR #a0 < :n", n=n)

    def _findings(self, item: CommitItem) -> dict[int, Finding]:
        return self._reader.findings(item.start, item.size)

    def _put_stream(self, state: StreamState) -> None:
        values: Item = {
            "state": {"B": write_stream(state)},
            "next": {"N": str(state.next_seq)},
        }
        with suppress(ConditionFailed):  # it was indexed further along before
            self._requests.update(
                self._state,
                keys.key(keys.stream(state.stream)),
                values,
                "attribute_not_exists(#a1) OR #a1 <= :next",
                next=values["next"],
            )


def rows_of(item: CommitItem, findings: dict[int, Finding]) -> Iterator[Row]:
    """The index items that follow from one commit."""
    n: Item = {"n": {"N": str(item.n)}}
    start = keys.pad(item.start)
    if item.leaves:
        yield Row(keys.AT, start, n)
    for index, leaf in enumerate(item.leaves, start=item.start):
        place = keys.pad(index)
        yield Row(keys.by_trace(leaf.trace), keys.ids(leaf.span, leaf.seq) + place, n)
        if leaf.id is not None and leaf.id != leaf.trace:
            yield Row(keys.by_request(leaf.id), place, n)
        subject = findings.get(index, Finding()).subject
        if subject is not None:
            yield Row(keys.by_subject(subject), place, n)
    yield from _commit_rows(item, n, start)
    for gap in item.gaps:
        ends = {"first": {"N": str(gap.first)}, "last": {"N": str(gap.last)}}
        yield Row(keys.gaps(gap.stream), keys.pad(gap.leaf_index), ends)
    for level, position, hash_ in item.subtrees:
        yield Row(keys.tiles(level, position), keys.pad(position), {"hash": {"B": hash_}})


def _commit_rows(item: CommitItem, n: Item, start: str) -> Iterator[Row]:
    for kind in {leaf.kind for leaf in item.leaves} - keys.EVERYWHERE:
        yield Row(keys.by_kind(kind), start, n)
    for stream in {leaf.stream for leaf in item.leaves if leaf.stream is not None}:
        yield Row(keys.sent(stream), start, n)
    for state in item.streams:
        listed: dict[str, Any] = {"stream": {"S": state.stream.hex()}}
        yield Row(keys.STREAMS, f"{keys.pad(state.first_time)}#{state.stream.hex()}", listed)
        if state.model_id is not None:
            yield Row(keys.by_model(state.model_id), start, n)
