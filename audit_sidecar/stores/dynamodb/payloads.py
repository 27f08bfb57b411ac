# SPDX-License-Identifier: Apache-2.0
"""Payloads on their way into the payload table: written before the commit that names them, and once.

A group of records that was written for a commit which came too late is found again by its leaves, whose commitments are
to salts of their own, when the commit is planned anew. Blobs that no commit came to name are orphans.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from audit_sidecar.errors import AuditError, Fatal, OutcomeUnknown, StoreAway
from audit_sidecar.stores.dynamodb.blob import groups_of, part_items, write_blob
from audit_sidecar.stores.dynamodb.commit_item import Group
from audit_sidecar.stores.dynamodb.requests import Duplicate, Item, Requests
from audit_sidecar.stores.store import NewRecord

AT_ONCE: Final = 8

_Key = tuple[tuple[bytes, bool], ...]


class Payloads:
    """Of one writer. Use from one thread; ``pool`` has `AT_ONCE` threads for the requests."""

    def __init__(self, requests: Requests, pool: ThreadPoolExecutor) -> None:
        self._requests = requests
        self._table = requests.location.payload
        self._pool = pool
        self._begun: dict[_Key, tuple[Group, list[Future[None]]]] = {}

    def begin(self, records: Sequence[NewRecord]) -> None:
        """Write them while the caller goes on; groups that were begun before are left as they are."""
        for group in groups_of(records):
            key = _key(group)
            if key not in self._begun:
                parts = part_items(write_blob(group))
                named = Group(len(group), tuple(part["key"]["S"] for part in parts))
                self._begun[key] = named, [self._pool.submit(self._put, part) for part in parts]

    def written(self, records: Sequence[NewRecord]) -> tuple[Group, ...]:
        """Where they lie, durably. StoreAway when the store did not take one of them."""
        self.begin(records)
        groups = []
        for key in map(_key, groups_of(records)):
            group, parts = self._begun[key]
            try:
                for part in parts:
                    part.result()
            except AuditError:
                del self._begun[key]  # to be written under another key
                raise
            groups.append(group)
        return tuple(groups)

    def forget(self) -> None:
        """What was begun so far belongs to a commit that was made, or is not to be made any more."""
        self._begun.clear()

    def _put(self, part: Item) -> None:
        try:
            try:
                self._requests.insert(self._table, part)
            except OutcomeUnknown:
                with suppress(Duplicate):  # nobody else knows the key: it was kept
                    self._requests.insert(self._table, part)
        except Duplicate as error:
            raise Fatal("a fresh key of the payload table is taken: randomness has failed") from error
        except AuditError as error:
            # Nothing names the blob yet: whether it was kept or not, it is an orphan.
            raise StoreAway(f"payloads cannot be kept now: {error}") from error


def _key(group: Sequence[NewRecord]) -> _Key:
    """What a blob holds: all but one thing of a finding follows from the payload that the leaf commits to."""
    return tuple((record.leaf_hash, record.finding.conflict) for record in group)
