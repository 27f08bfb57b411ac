# SPDX-License-Identifier: Apache-2.0
"""Rounds in the background: an archive that is away costs nothing but lag, one that differs ends the process."""

from pathlib import Path

import pytest

from audit_sidecar.archive.archiver import Archiver
from audit_sidecar.archive.archiving import Archiving
from audit_sidecar.archive.destination import ArchiveDiffers
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.errors import StoreAway
from audit_sidecar.metrics import SidecarMetrics
from contracts import metrics as names
from tests.audit_sidecar.archive.destinations import Failing
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, foreign, stranger

KEYS = [SIGNER.verifier]


async def test_a_round_is_counted_when_it_went_through(log: Log, tmp_path: Path) -> None:
    """The first round fails and is told, the second goes through; size and time are those of the second."""
    log.send(stranger(*(foreign(number) for number in range(20))))
    log.publish_now()
    size = log.reader.frontier().size
    metrics = SidecarMetrics("0", lambda: 7.0)
    destination = Failing(FolderArchive(tmp_path), 1, kept=False)
    archiving = Archiving(Archiver(log.reader, destination, KEYS), lambda: True, metrics)
    await archiving.round()
    assert metrics.registry.get_sample_value(names.AUDIT_ARCHIVE_SIZE) == 0
    await archiving.round()
    assert metrics.registry.get_sample_value(names.AUDIT_ARCHIVE_SIZE) == size
    assert metrics.registry.get_sample_value(names.AUDIT_ARCHIVE_TIME) == 7.0


async def test_a_store_that_is_away_ends_nothing(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store of a shared log may be away for a while: the round is missed, and the next one makes up for it."""
    log.send(stranger(foreign(1)))
    log.publish_now()
    metrics = SidecarMetrics("0", lambda: 7.0)
    archiving = Archiving(Archiver(log.reader, FolderArchive(tmp_path), KEYS), lambda: True, metrics)

    def away() -> None:
        raise StoreAway("the server is paused")

    with monkeypatch.context() as patch:
        patch.setattr(log.reader, "checkpoint", away)
        await archiving.round()
    assert metrics.registry.get_sample_value(names.AUDIT_ARCHIVE_SIZE) == 0
    await archiving.round()
    assert metrics.registry.get_sample_value(names.AUDIT_ARCHIVE_SIZE) == 2


async def test_another_history_in_the_archive_ends_the_process(log: Log, tmp_path: Path) -> None:
    """What is found in the archive and not borne out by the store is Fatal, not a round to try again."""
    (tmp_path / "checkpoint").write_bytes(b"nonsense\n")
    log.publish_now()
    archiving = Archiving(Archiver(log.reader, FolderArchive(tmp_path), KEYS), lambda: True, SidecarMetrics("0", float))
    with pytest.raises(ArchiveDiffers):
        await archiving.round()


async def test_a_sidecar_that_does_not_publish_does_not_archive(log: Log, tmp_path: Path) -> None:
    """Only the holder of the lease archives; the rounds of the others pass."""
    log.publish_now()
    asked: list[bool] = []

    def leads() -> bool:
        asked.append(True)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return False

    archiving = Archiving(Archiver(log.reader, FolderArchive(tmp_path), KEYS), leads, SidecarMetrics("0", float))
    with pytest.raises(KeyboardInterrupt):
        await archiving.run(0)
    assert FolderArchive(tmp_path).newest("checkpoint") is None
