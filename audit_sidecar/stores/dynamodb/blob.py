# SPDX-License-Identifier: Apache-2.0
"""Payloads of one group of records, with their salts and what they are found by: everything that can be erased.

A blob is written before the commit that names it, under keys nobody can guess a place for, and is rewritten only by
erasure, which puts nothing in place of a record. A blob that no commit names is an orphan.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.commit_item import inflated
from audit_sidecar.stores.store import Finding, NewRecord
from contracts.payload import Payload, PayloadContext

PART_BYTES: Final = 350_000
GROUP_BYTES: Final = 300_000
"""Of payloads before compression: a group of ordinary records is one part."""
_MOST_INFLATED: Final = 1 << 28


class _Kept(Struct, frozen=True, array_like=True):
    salt: bytes
    context: int
    span: bytes
    finding: Finding


class _Blob(Struct, frozen=True, array_like=True):
    contexts: tuple[PayloadContext, ...]
    records: tuple[_Kept | None, ...]


class Kept(NamedTuple):
    """What the blob holds of one record; None for all of it once erased, but that it was in conflict."""

    salt: bytes
    payload: Payload
    finding: Finding


def groups_of(records: Sequence[NewRecord]) -> Iterator[Sequence[NewRecord]]:
    """Cut records into groups that make one blob each, in order."""
    start, size, context = 0, 0, None
    for at, record in enumerate(records):
        length = len(record.payload.span) + 64
        if record.payload.context is not context:
            context = record.payload.context
            length += sum(len(part) for part in context if part is not None)
        if at > start and size + length > GROUP_BYTES:
            yield records[start:at]
            start, size = at, 0
        size += length
    if records:
        yield records[start:]


def write_blob(records: Sequence[NewRecord]) -> bytes:
    """The blob of one group."""
    contexts: dict[PayloadContext, int] = {}
    kept = tuple(
        _Kept(r.salt, contexts.setdefault(r.payload.context, len(contexts)), r.payload.span, r.finding) for r in records
    )
    blob = _Blob(tuple(contexts), kept)
    return zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(blob))


def read_blob(data: bytes) -> list[Kept | None]:
    """Read what `write_blob` wrote. StoreRefused."""
    try:
        blob = msgspec.msgpack.decode(inflated(data, _MOST_INFLATED), type=_Blob)
        return [None if kept is None else _read(kept, blob.contexts[kept.context]) for kept in blob.records]
    except (ValueError, IndexError, zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise StoreRefused(f"a blob of payloads cannot be read: {error}; run 'countersign audit fsck'") from error


def part_items(blob: bytes) -> list[dict[str, Any]]:
    """The items that hold a blob, under fresh keys that spread over the table."""
    name = uuid.uuid4().hex
    parts = [blob[at : at + PART_BYTES] for at in range(0, len(blob), PART_BYTES)]
    return [{"key": {"S": f"{name}/{number}"}, "blob": {"B": part}} for number, part in enumerate(parts)]


def _read(kept: _Kept, context: PayloadContext) -> Kept:
    return Kept(kept.salt, Payload(context, kept.span), kept.finding)
