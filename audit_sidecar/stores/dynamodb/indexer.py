# SPDX-License-Identifier: Apache-2.0
"""Make the index follow the log, commit after commit. Whatever is done twice comes out the same.

Every item follows from its commit alone and is added if it is not there, so several indexers, or one that was
interrupted, do no harm. How far the index has come is said last, and never goes back.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, write_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.reader import DynamoReader
from audit_sidecar.stores.dynamodb.requests import STATEMENTS, ConditionFailed, Item, Requests
from audit_sidecar.stores.dynamodb.rows import rows_of
from audit_sidecar.stores.index import Lag
from audit_sidecar.stores.store import StreamState

_AT_ONCE: Final = 4


class DynamoIndexer:
    """Writes the index of one log. Use from one thread."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._reader = DynamoReader(requests, commits)
        self._state = requests.location.state

    def catch_up(self, most: int = 16) -> Lag:
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
        rows = [row.item() for row in rows_of(item, self._reader.findings(item.start, item.size))]
        # Of one shape each, so that the service sees few different statements.
        for names in sorted({tuple(row) for row in rows}):
            self._insert([row for row in rows if tuple(row) == names])
        for state in item.streams:
            self._put_stream(item.n, state)
        n = {"N": str(item.n)}
        with suppress(ConditionFailed):  # another indexer came further
            self._requests.update(self._state, keys.INDEXED, {"n": n}, "attribute_not_exists(#a0) OR #a0 < :n", n=n)

    def _insert(self, rows: list[Item]) -> None:
        batches = [rows[low : low + STATEMENTS] for low in range(0, len(rows), STATEMENTS)]
        put = partial(self._requests.insert_missing, self._state)
        if len(batches) == 1:
            put(batches[0])
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(batches)), "index") as pool:
            list(pool.map(put, batches))

    def _put_stream(self, commit: int, state: StreamState) -> None:
        n = {"N": str(commit)}
        values: Item = {"state": {"B": write_stream(state)}, "n": n}
        with suppress(ConditionFailed):  # it was indexed further along before
            self._requests.update(
                self._state,
                keys.key(keys.stream(state.stream)),
                values,
                "attribute_not_exists(#a1) OR #a1 <= :n",
                n=n,
            )
