# SPDX-License-Identifier: Apache-2.0
"""The head of the log as the sidecar continues it: right edge and newest checkpoint.

`load_head` takes nothing on trust: it rebuilds the root from leaf rows, checks the last leaves against their payloads,
and refuses a store that is not this key's log, or whose checkpoint its leaves do not bear out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.signed import require_signed
from audit_sidecar.stores.soundness import fault_of
from audit_sidecar.stores.store import SignedCheckpoint, StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import Frontier, tree_root
from audit_sidecar.tlog.tiles import TILE_WIDTH

_FSCK: Final = "run 'countersign audit fsck' on it, and restore it from a copy or start a new log under a new origin"


class Head(NamedTuple):
    """Where the next record goes."""

    frontier: Frontier
    checkpoint: SignedCheckpoint | None


def load_head(reader: StoreReader, verifiers: Sequence[Verifier]) -> Head:
    """Read and re-verify the head. StoreRefused says what does not fit and how to mend it."""
    origin = reader.origin()
    if all(verifier.name != origin for verifier in verifiers):
        names = ", ".join(repr(verifier.name) for verifier in verifiers)
        raise StoreRefused(f"the store holds the log {origin!r}, but the key is of {names}; use the key of that log")
    # Before the edge: other sidecars may sign meanwhile, and no checkpoint may be of more leaves than are looked at.
    checkpoint = reader.checkpoint()
    frontier = _read_frontier(reader, origin)
    if reader.leaf_hashes(frontier.size, frontier.size + 1) and _read_frontier(reader, origin).size == frontier.size:
        raise StoreRefused(f"the store of {origin!r} has a leaf beyond its end at {frontier.size}; {_FSCK}")
    try:
        if tree_root(frontier.size, StoreTree(reader)) != frontier.root():
            raise StoreRefused(f"the last leaves of {origin!r} do not give the root that was committed; {_FSCK}")
        if checkpoint is not None:
            _require_borne_out(reader, checkpoint, frontier, verifiers)
    except VerificationError as error:
        raise StoreRefused(f"the log {origin!r} is damaged: {error}; {_FSCK}") from error
    for record in reader.records(max(0, frontier.size - TILE_WIDTH), frontier.size):
        fault = fault_of(record)
        if fault is not None:
            raise StoreRefused(f"leaf {record.leaf_index} of {origin!r}: {fault}; {_FSCK}")
    return Head(frontier, checkpoint)


def _read_frontier(reader: StoreReader, origin: str) -> Frontier:
    try:
        return reader.frontier()
    except VerificationError as error:
        raise StoreRefused(f"the right edge of the log {origin!r} is damaged: {error}; {_FSCK}") from error


def _require_borne_out(
    reader: StoreReader, checkpoint: SignedCheckpoint, frontier: Frontier, verifiers: Sequence[Verifier]
) -> None:
    opened = require_signed(checkpoint, verifiers, reader.origin())
    if opened.size > frontier.size:
        raise StoreRefused(
            f"a checkpoint was signed at size {opened.size}, but the store holds {frontier.size} leaves: "
            f"leaves were lost; {_FSCK}"
        )
    if tree_root(opened.size, StoreTree(reader)) != opened.root:
        raise StoreRefused(f"the leaves do not give the root that was signed at size {opened.size}; {_FSCK}")
