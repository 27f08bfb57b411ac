# SPDX-License-Identifier: Apache-2.0
"""Find, show and prove records: what the audit API and the command line both ask. Knows no HTTP."""

import base64
import binascii
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from audit_sidecar.errors import AuditError
from audit_sidecar.query.completeness import Completeness, report
from audit_sidecar.query.entry import Entry, EvidenceDamaged, entry_of
from audit_sidecar.query.receipts import Erased, prove, receipt_of
from audit_sidecar.stores.store import Search, StoredRecord, StoreReader
from audit_sidecar.tlog.strict import MAX_SIZE
from contracts.identifiers import uuid_text
from contracts.receipt import Receipt

MAX_LIMIT: Final = 1000


class NotFound(AuditError):
    """No record answers to this id."""


class BadCursor(AuditError):
    """A cursor that was not given out here."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a search, newest first. ``next`` is the cursor of the following page, or null on the last."""

    total: int
    entries: list[Entry]
    next: str | None


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """A record with the release that made it and whatever was recorded about it since."""

    record: Entry
    release: Entry | None
    annotations: list[Entry]


class Evidence:
    """The read side of one log. Safe to call from any thread."""

    def __init__(self, reader: StoreReader, on_damage: Callable[[], None] = lambda: None) -> None:
        self.reader = reader
        self._on_damage = on_damage

    def search(self, search: Search, limit: int, cursor: str | None = None) -> Page:
        """A page of at most ``limit`` entries; BadCursor when the cursor is not ours."""
        search = search._replace(size=self.reader.frontier().size)
        if cursor is not None:
            search = search._replace(before=_read_cursor(cursor))
        found = self.reader.search(search, limit + 1)
        page = found[:limit]
        following = _write_cursor(page[-1][0].leaf_index) if len(found) > limit else None
        return Page(
            total=self.reader.count(search), entries=[self._entry(record) for record, _ in page], next=following
        )

    def show(self, request_id: bytes) -> RecordView:
        """One record whole; NotFound when there is none."""
        records = self._about(request_id)
        record = _main(records, request_id)
        stream = record.leaf.stream
        release = None if stream is None else self.reader.first_record(stream)
        return RecordView(
            record=self._entry(record),
            release=None if release is None else self._entry(release),
            annotations=[self._entry(other) for other in records if other is not record],
        )

    def proof(self, request_id: bytes) -> str:
        """The tlog-proof of the record; NotFound, or NotCovered for a moment."""
        return prove(self.reader, self._record(request_id).leaf_index)

    def receipt(self, request_id: bytes, opened: bool = True, caller: str | None = None) -> Receipt:
        """The record's receipt. With ``caller``, another caller's record is NotFound, as if it did not exist.

        Once erased, a record no longer tells whose it was: any caller then gets Erased, and none the closed receipt.
        """
        record = self._record(request_id)
        if caller is not None and record.payload is None:
            raise Erased(f"the payload of leaf {record.leaf_index} was erased")
        if caller is not None and self._entry(record).caller != caller:
            raise NotFound(f"no record answers to request id {uuid_text(request_id)}")
        return receipt_of(self.reader, record, opened)

    def completeness(self, start: int | None, stop: int | None) -> Completeness:
        """What each producer sent in [start, stop) and what is missing."""
        return report(self.reader, start, stop, time.time_ns())

    def _entry(self, record: StoredRecord) -> Entry:
        try:
            return entry_of(record)
        except EvidenceDamaged:
            self._on_damage()
            raise

    def _record(self, request_id: bytes) -> StoredRecord:
        return _main(self._about(request_id), request_id)

    def _about(self, request_id: bytes) -> Sequence[StoredRecord]:
        return self.reader.about(request_id)


def _main(records: Sequence[StoredRecord], request_id: bytes) -> StoredRecord:
    # The prediction itself before a record about it.
    ranked = [record for record in records if record.leaf.kind == "prediction"] or records
    if not ranked:
        raise NotFound(f"no record answers to request id {uuid_text(request_id)}")
    return ranked[0]


def _write_cursor(before: int) -> str:
    return base64.urlsafe_b64encode(before.to_bytes(8)).decode().rstrip("=")


def _read_cursor(cursor: str) -> int:
    try:
        raw = base64.b64decode(cursor + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor("the cursor was not given out by this API") from error
    before = int.from_bytes(raw)
    if len(raw) != 8 or before > MAX_SIZE or _write_cursor(before) != cursor:
        raise BadCursor("the cursor was not given out by this API")
    return before
