# SPDX-License-Identifier: Apache-2.0
"""Append to the log in DynamoDB: a commit is one insert of ``(log, n)``, and the refusal of a second one arbitrates.

Payloads are written first, under keys of their own; a commit that did not happen leaves them as orphans. A commit too
large for one item becomes several, one after the other, and is acknowledged after the last: should another sidecar come
between, what is kept already is recognised when the export is planned again.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from audit_sidecar.errors import AuditError, Fatal, HeadMoved, Pushback, StoreAway, StoreRefused
from audit_sidecar.stores.dynamodb.blob import groups_of, part_items, write_blob
from audit_sidecar.stores.dynamodb.commit_item import MOST_BYTES, CommitItem, Group, body_size, write_item
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.index_keys import CHECKPOINT, PUBLISHER
from audit_sidecar.stores.dynamodb.requests import ConditionFailed, Duplicate, Requests
from audit_sidecar.stores.store import Commit, NewRecord, SignedCheckpoint, Subtree
from audit_sidecar.tlog.merkle import Frontier

LEASE_SECONDS: Final = 3
_MOST_RECORDS: Final = 2_000
"""Leaves of one item: packed they take about 90 bytes each."""
_NO_END: Final = 1 << 64


class DynamoWriter:
    """`StoreWriter` over tables that others write to as well. Use from one thread."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._holder = os.urandom(16).hex()
        self._tables = requests.location
        self._stale = True

    @contextmanager
    def turn(self) -> Iterator[Frontier]:
        """The newest head that is known; a fresh one, unless this writer made it itself."""
        if self._stale:
            self._refresh()
        try:
            yield self._commits.head.frontier.copy()
        except BaseException:
            # Whatever went wrong, the next turn looks.
            self._stale = True
            raise

    def commit(self, commit: Commit) -> None:
        """Append durably, if the log still has ``old_size`` leaves."""
        if self._commits.head.size != commit.old_size:
            self._refresh()
        if self._commits.head.size != commit.old_size:
            raise HeadMoved(f"the log no longer has {commit.old_size} leaves")
        if len(set(commit.gaps)) != len(commit.gaps):
            raise Fatal("a gap is planned twice")
        self._stale = True
        for item in self._items(commit, self._commits.head):
            self._insert(item)
        self._stale = False

    def lead(self) -> bool:
        """Take or renew the publisher's lease, by this machine's clock."""
        now = time.time()
        until = {"N": f"{now + LEASE_SECONDS:.3f}"}
        try:
            self._requests.update(
                self._tables.state,
                PUBLISHER,
                {"holder": {"S": self._holder}, "until": until},
                "attribute_not_exists(#a0) OR #a0 = :me OR #a1 < :now",
                me={"S": self._holder},
                now={"N": f"{now:.3f}"},
            )
        except ConditionFailed:
            return False
        except StoreRefused as error:
            raise Pushback(str(error)) from error
        return True

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Persist a checkpoint; the condition of the update refuses a second root for a size."""
        if not self.lead():
            raise Pushback("another sidecar publishes")
        values = {
            "size": {"N": str(checkpoint.size)},
            "root": {"B": checkpoint.root},
            "note": {"B": checkpoint.note},
            "time": {"N": str(checkpoint.time)},
        }
        condition = "attribute_not_exists(#a0) OR #a0 < :size OR (#a0 = :size AND #a1 = :root)"
        try:
            self._requests.update(
                self._tables.state, CHECKPOINT, values, condition, size=values["size"], root=values["root"]
            )
        except ConditionFailed:
            self._explain(checkpoint)

    def close(self) -> None:
        """Leave the lease to the next publisher."""
        with suppress(AuditError):
            self._requests.update(
                self._tables.state,
                PUBLISHER,
                {"holder": {"S": "-"}, "until": {"N": "0"}},
                "#a0 = :me",
                me={"S": self._holder},
            )

    def _explain(self, checkpoint: SignedCheckpoint) -> None:
        held = self._requests.get(self._tables.state, CHECKPOINT)
        if held is None:
            raise Pushback("the checkpoint was refused, and none is held; come again")
        size, root = int(held["size"]["N"]), bytes(held["root"]["B"])
        before = f"a checkpoint of size {size} with root {root.hex()} was signed before; "
        if size > checkpoint.size:
            raise HeadMoved(f"{before}size {checkpoint.size} comes too late")
        raise Fatal(f"{before}size {checkpoint.size} with root {checkpoint.root.hex()} must not be")

    def _refresh(self) -> None:
        try:
            self._commits.refresh()
        except StoreRefused as error:
            raise Fatal(str(error)) from error
        self._stale = False

    def _items(self, commit: Commit, head: CommitItem) -> Iterator[CommitItem]:
        """The commit as items that each fit; all but the last only where it does not fit into one."""
        records, start, n, kinds = commit.records, commit.old_size, head.n, dict(head.kinds)
        frontier = head.frontier.copy()
        for low in range(0, max(len(records), 1), _MOST_RECORDS):
            chunk = records[low : low + _MOST_RECORDS]
            last = low + _MOST_RECORDS >= len(records)
            frontier = frontier.copy()
            for record in chunk:
                frontier.append(record.leaf_hash)
                kinds[record.leaf.kind] = kinds.get(record.leaf.kind, 0) + 1
            size = frontier.size
            n += 1
            yield CommitItem(
                n=n,
                start=start,
                frontier=commit.frontier if last else frontier,
                leaves=tuple(record.leaf for record in chunk),
                # Streams move with the last item: one that was interrupted is planned again from where it was.
                streams=tuple(commit.streams) if last else (),
                gaps=tuple(gap for gap in commit.gaps if start <= gap.leaf_index < (_NO_END if last else size)),
                subtrees=tuple(s for s in commit.subtrees if start < _end(s) <= (_NO_END if last else size)),
                groups=tuple(self._put_payloads(chunk)),
                kinds=dict(kinds),
            )
            start = size

    def _put_payloads(self, records: Sequence[NewRecord]) -> Iterator[Group]:
        for group in groups_of(records):
            parts = part_items(write_blob(group))
            for part in parts:
                try:
                    self._requests.insert(self._tables.payload, part)
                except Duplicate as error:
                    raise Fatal("a fresh key of the payload table is taken: randomness has failed") from error
                except AuditError as error:
                    # Nothing names the blob yet: whether it was kept or not, it is an orphan.
                    raise StoreAway(f"payloads cannot be kept now: {error}") from error
            yield Group(len(group), tuple(part["key"]["S"] for part in parts))

    def _insert(self, item: CommitItem) -> None:
        attributes: dict[str, Any] = write_item(self._commits.origin, item)
        if body_size(attributes) > MOST_BYTES:
            raise Fatal(f"commit {item.n} takes {body_size(attributes)} bytes, more than {MOST_BYTES}")
        try:
            self._requests.insert(self._tables.log, attributes)
        except Duplicate as error:
            raise HeadMoved(f"commit {item.n} was made by another sidecar: the log moved on") from error
        self._commits.add(item)


def _end(subtree: Subtree) -> int:
    """The size of the log that completes the subtree."""
    return (subtree.position + 1) << subtree.level
