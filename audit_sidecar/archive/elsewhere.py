# SPDX-License-Identifier: Apache-2.0
"""Checkpoints known elsewhere: files and folders of them, anchors, and archives with what they kept for good."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from audit_sidecar.archive.anchor_place import ANCHOR
from audit_sidecar.archive.archiver import newest_checkpoint
from audit_sidecar.archive.destination import ArchiveAway, ArchiveDiffers, Destination
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.archive.layout import KEPT
from audit_sidecar.archive.location import open_archive
from audit_sidecar.fsck.kept import load_kept, read_kept
from audit_sidecar.fsck.reader import LogUnreadable
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from contracts.errors import ContractError


def known_elsewhere(places: Iterable[str], verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """What each place knows, at least one checkpoint. LogUnreadable for one that carries none signed by these keys."""
    return [checkpoint for place in places for checkpoint in _known(place, verifiers)]


def _known(place: str, verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    if "://" in place:
        return _archived(open_archive(place), verifiers)
    path = Path(place)
    if (path / KEPT).is_dir() or (path / ANCHOR).is_file():
        return _archived(FolderArchive(path), verifiers)
    return load_kept([path], verifiers)


def _archived(archive: Destination, verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    try:
        kept, anchored = newest_checkpoint(archive, verifiers), archive.newest(ANCHOR)
        found = [] if kept is None else [kept]
        if anchored is not None:
            found.append(read_kept(anchored, verifiers))
    except (ArchiveAway, ArchiveDiffers) as error:
        raise LogUnreadable(str(error)) from error
    except (VerificationError, ContractError) as error:
        raise LogUnreadable(f"{archive}/{ANCHOR} is no checkpoint that a given key signed: {error}") from error
    if not found:
        raise LogUnreadable(f"{archive} holds no checkpoint to compare with")
    return found
