# SPDX-License-Identifier: Apache-2.0
"""Whether the checkpoint that a store shows is one of the log's: whoever may write to the store can put any there."""

from collections.abc import Sequence

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier


def require_signed(signed: SignedCheckpoint, verifiers: Sequence[Verifier], origin: str | None = None) -> Checkpoint:
    """The store's newest checkpoint, opened. StoreRefused unless these keys signed it for the row's size and root."""
    try:
        opened = open_checkpoint(signed.note, verifiers, origin)
    except VerificationError as error:
        raise StoreRefused(
            f"the newest checkpoint, of size {signed.size}, does not open with the given keys: {error}; use the "
            "log's own key file, in which a rotation keeps the old key until the new one has signed; otherwise run "
            "'countersign audit fsck' on the store, and restore it from a copy or start a new log under a new origin"
        ) from error
    if (opened.size, opened.root) != (signed.size, signed.root):
        raise StoreRefused(
            "the store's checkpoint row does not match its signed note; run 'countersign audit fsck' on it, and "
            "restore it from a copy"
        )
    return opened
