# SPDX-License-Identifier: Apache-2.0
"""Append to the log in DynamoDB: a commit is one insert of ``(log, n)``, and the refusal of a second one arbitrates.

Payloads are written first, under keys of their own, and before its turn where a sidecar waits for one; a commit that
never happens leaves them as orphans. A commit too large for one item becomes several, one after the other, and is
acknowledged after the last: should another sidecar come between, what is kept already is recognised when the export is
planned again, for streams move item by item.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

from audit_sidecar.errors import AuditError, Fatal, HeadMoved, Pushback, StoreRefused
from audit_sidecar.stores.dynamodb.checkpoint_item import read_checkpoint, write_checkpoint
from audit_sidecar.stores.dynamodb.commit_item import MOST_BYTES, CommitItem, body_size, write_item
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.cut import MOST_RECORDS, MOST_RESOURCE, Piece, cut
from audit_sidecar.stores.dynamodb.index_keys import CHECKPOINT
from audit_sidecar.stores.dynamodb.lease import Lease
from audit_sidecar.stores.dynamodb.payloads import AT_ONCE, Payloads
from audit_sidecar.stores.dynamodb.queue import Queue
from audit_sidecar.stores.dynamodb.requests import ConditionFailed, Duplicate, Requests
from audit_sidecar.stores.dynamodb.turns import Turns
from audit_sidecar.stores.store import Commit, NewRecord, SignedCheckpoint
from audit_sidecar.tlog.merkle import Frontier

MOST_UNCOVERED: Final = 250_000
"""Leaves that the index may be behind: some 300 MB of memory in each process that reads the log."""
_MOST_STAGED: Final = MOST_RECORDS // 2
"""Records of a commit that is surely one item."""


class DynamoWriter:
    """`StoreWriter` over tables that others write to as well. Use from one thread."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._tables = requests.location
        me = os.urandom(8)
        self._me = me
        self._lease = Lease(requests, me.hex())
        self._turns = Turns(me, Queue(requests, me))
        self._pool = ThreadPoolExecutor(AT_ONCE + 1, "payload")
        self._payloads = Payloads(requests, self._pool)
        self._stale = True
        self._group = 0
        """Records of the group that is to be appended, as far as it was told of."""

    @property
    def most_resource(self) -> int:
        """Bytes that are kept of a stream's Resource and scope."""
        return MOST_RESOURCE

    @property
    def linger(self) -> float:
        """Nothing for one that is alone; else less than what it will wait for its turn."""
        return self._turns.linger

    def stage(self, records: int, plan: Callable[[], Sequence[NewRecord]]) -> None:
        """Where others append, draw a ticket and write the payloads that the commit will have."""
        self._group = records
        self._require_index()
        self._payloads.forget()
        self._commits.forget()
        self._turns.saw(self._commits.recent().after(self._turns.seen))
        if self._turns.alone:
            self._turns.look(self._pool)
        if self._turns.alone:
            return
        self._turns.join(self._pool, records)
        # What is found wrong here is found again, and told of, in the turn.
        with suppress(HeadMoved, StoreRefused), self._commits.turn(asked=True):
            planned = plan()
            if len(planned) <= _MOST_STAGED:
                self._payloads.begin(planned)

    @contextmanager
    def turn(self) -> Iterator[Frontier]:
        """The newest head that is known; a fresh one, unless this writer made it itself and nobody else appends."""
        asked = True
        try:
            self._turns.saw(self._commits.recent().after(self._turns.seen))
            if self._turns.queued or not self._turns.alone:
                self._turns.join(self._pool, self._group)
                self._turns.wait(self._others)
            elif self._stale:
                self._commits.verify()
            else:
                asked = False
            self._stale = False
            with self._commits.turn(asked) as head:
                yield head.frontier.copy()
            with suppress(AuditError):
                self._turns.leave()  # if there was nothing to append
        except StoreRefused as error:
            raise Fatal(str(error)) from error
        except BaseException:
            # Whatever went wrong, the next turn looks.
            self._stale = True
            raise

    def commit(self, commit: Commit) -> None:
        """Append durably, if the log still has ``old_size`` leaves."""
        head = self._commits.head
        if head.size != commit.old_size:
            head = self._follow()
        if head.size != commit.old_size:
            raise HeadMoved(f"the log no longer has {commit.old_size} leaves")
        if len(set(commit.gaps)) != len(commit.gaps):
            raise Fatal("a gap is planned twice")
        self._stale = True
        for piece in cut(commit, head, self._me):
            self._insert(piece)
        self._payloads.forget()
        self._commits.forget()
        self._stale = False

    def lead(self) -> bool:
        """Take or renew the publisher's lease."""
        try:
            return self._lease.hold()
        except StoreRefused as error:
            raise Pushback(str(error)) from error

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Persist a checkpoint; the condition of the update refuses a second root for a size."""
        if not self.lead():
            raise Pushback("another sidecar publishes")
        values = write_checkpoint(checkpoint)
        condition = "attribute_not_exists(#a0) OR #a0 < :size OR (#a0 = :size AND #a1 = :root)"
        try:
            self._requests.update(
                self._tables.state, CHECKPOINT, values, condition, size=values["size"], root=values["root"]
            )
        except ConditionFailed:
            self._explain(checkpoint)

    def close(self) -> None:
        """Leave the lease to the next publisher."""
        self._pool.shutdown()
        with suppress(AuditError):
            self._lease.leave()

    def _explain(self, checkpoint: SignedCheckpoint) -> None:
        held = self._requests.get(self._tables.state, CHECKPOINT)
        if held is None:
            raise Pushback("the checkpoint was refused, and none is held; come again")
        try:
            size, root, _, _ = read_checkpoint(held)
        except StoreRefused as error:
            raise Pushback(str(error)) from error
        before = f"a checkpoint of size {size} with root {root.hex()} was signed before; "
        if size > checkpoint.size:
            raise HeadMoved(f"{before}size {checkpoint.size} comes too late")
        raise Fatal(f"{before}size {checkpoint.size} with root {checkpoint.root.hex()} must not be")

    def _require_index(self) -> None:
        """Take nothing more when the index no longer follows: what it does not cover is held in memory."""
        if self._commits.recent().leaves > MOST_UNCOVERED:
            leaves = self._commits.rebase().leaves
            if leaves > MOST_UNCOVERED:
                raise Pushback(f"the index of the log is {leaves} leaves behind; its sidecar's log says why")

    def _others(self) -> list[CommitItem]:
        self._commits.follow()
        return self._commits.recent().after(self._turns.seen)

    def _follow(self) -> CommitItem:
        try:
            return self._commits.follow()
        except StoreRefused as error:
            raise Fatal(str(error)) from error

    def _insert(self, piece: Piece) -> None:
        size = body_size(write_item(self._commits.origin, piece.item))
        if size > MOST_BYTES:
            raise Pushback(f"a record whose stream's Resource takes {size} bytes, more than this store keeps of one")
        item = piece.item._replace(groups=self._payloads.written(piece.records))
        try:
            self._requests.insert(self._tables.log, write_item(self._commits.origin, item))
        except Duplicate as error:
            self._turns.lost()
            raise HeadMoved(f"commit {item.n} was made by another sidecar: the log moved on") from error
        self._commits.add(item)
        self._turns.saw([item])
