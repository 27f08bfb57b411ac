# SPDX-License-Identifier: Apache-2.0
"""What an index item holds of many leaves, in few bytes each: numbers, and digests that only narrow a search down.

Digests are short on purpose: an item finds, and tells nobody whom it finds. What it leads to is looked at.
"""

import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from audit_sidecar.errors import StoreRefused

_OFFSET: Final = struct.Struct(">I")
_IDENTIFIED: Final = struct.Struct(">H3s")
_SUBJECT: Final = struct.Struct(">II")


class Identified(NamedTuple):
    """A trace or request id, by its digest, and the commit that has it, counted from the segment's first."""

    commit: int
    digest: bytes


class OfSubject(NamedTuple):
    """A subject, by its digest, and a leaf of it, counted from the item's first."""

    digest: int
    leaf: int


def digest_of_id(id_: bytes) -> bytes:
    """Three bytes."""
    return blake2b(id_, digest_size=3).digest()


def digest_of_subject(subject: str) -> int:
    """32 bits, of which the first name the partition."""
    return int.from_bytes(blake2b(subject.encode(), digest_size=4).digest())


def pack_offsets(offsets: Iterable[int]) -> bytes:
    """Of commits or leaves."""
    return b"".join(map(_OFFSET.pack, offsets))


def unpack_offsets(data: bytes) -> list[int]:
    """What `pack_offsets` packed. StoreRefused."""
    return [entry[0] for entry in _unpacked(_OFFSET, data)]


def pack_identified(entries: Iterable[Identified]) -> bytes:
    """Each once, in order."""
    return b"".join(_IDENTIFIED.pack(*entry) for entry in sorted(set(entries)))


def unpack_identified(data: bytes) -> Iterator[Identified]:
    """What `pack_identified` packed. StoreRefused."""
    return map(Identified._make, _unpacked(_IDENTIFIED, data))


def pack_subjects(entries: Iterable[OfSubject]) -> bytes:
    """In the order of leaves."""
    return b"".join(_SUBJECT.pack(*entry) for entry in sorted(entries, key=_leaf_of))


def unpack_subjects(data: bytes) -> Iterator[OfSubject]:
    """What `pack_subjects` packed. StoreRefused."""
    return map(OfSubject._make, _unpacked(_SUBJECT, data))


def _leaf_of(entry: OfSubject) -> int:
    return entry.leaf


def _unpacked(form: struct.Struct, data: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        return form.iter_unpack(data)
    except struct.error as error:
        raise StoreRefused(f"an index item cannot be read: {error}; run 'countersign audit fsck'") from error
