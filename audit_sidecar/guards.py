# SPDX-License-Identifier: Apache-2.0
"""What a store is held against before anything is signed for it: anchor, archive, witnesses, its own last checkpoint.

Each knows a state of the log that the store's keeper may not be able to change. A store that does not bear one of them
out is refused here, before the sidecar takes its first span.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.archive.anchor_place import anchor_place
from audit_sidecar.archive.archiver import Archiver
from audit_sidecar.archive.location import open_archive
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.anchor import Anchor, open_anchor
from audit_sidecar.sequence.head import Head
from audit_sidecar.settings import SidecarSettings
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import is_shared
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import NoteSigner, Verifier
from audit_sidecar.tlog.merkle import EMPTY_ROOT
from audit_sidecar.witness.policy_file import load_policy
from audit_sidecar.witness.witnessing import Witnessing


class Guards(NamedTuple):
    """Those that the settings name, each agreed with the store."""

    signed: int
    """The largest size that any of them knows to have been signed; -1 when none does."""
    anchor: Anchor | None
    archiver: Archiver | None
    witnessing: Witnessing | None


def open_guards(
    settings: SidecarSettings,
    reader: StoreReader,
    head: Head,
    signers: Sequence[NoteSigner],
    metrics: SidecarMetrics,
) -> Guards:
    """Ask each of them. SettingInvalid for one that cannot be used; StoreRefused or Fatal for one that disagrees."""
    verifiers = [signer.verifier for signer in signers]
    anchor = None if settings.anchor is None else _anchor(settings, reader, verifiers)
    archiver = None if settings.archive is None else _archiver(settings.archive, reader, verifiers)
    known = [
        -1 if head.checkpoint is None else head.checkpoint.size,
        -1 if anchor is None else anchor.size,
        -1 if archiver is None else archiver.held(),
    ]
    witnessing = None if settings.witnesses is None else _witnessing(settings, reader, metrics)
    if witnessing is not None:
        # The empty tree is a beginning of every log: where nothing was signed yet it asks without saying anything.
        empty = Checkpoint(signers[0].verifier.name, 0, EMPTY_ROOT)
        note = sign_checkpoint(empty, signers) if head.checkpoint is None else head.checkpoint.note
        witnessing.require_agreement(note)
    return Guards(max(known), anchor, archiver, witnessing)


def _anchor(settings: SidecarSettings, reader: StoreReader, verifiers: Sequence[Verifier]) -> Anchor:
    place = anchor_place(str(settings.anchor), settings.archive)
    return open_anchor(place, reader, verifiers, is_shared(settings.store))


def _archiver(location: str, reader: StoreReader, verifiers: Sequence[Verifier]) -> Archiver:
    destination = open_archive(location)
    destination.require_lock()
    return Archiver(reader, destination, verifiers)


def _witnessing(settings: SidecarSettings, reader: StoreReader, metrics: SidecarMetrics) -> Witnessing:
    policy = load_policy(Path(str(settings.witnesses)))
    return Witnessing(policy, reader, metrics, settings.witness_patience)
