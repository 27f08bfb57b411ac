# SPDX-License-Identifier: Apache-2.0
"""An archive is a sound log at every moment, goes on where it stopped, and never takes another history."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.archive.archiver import Archiver, Round
from audit_sidecar.archive.destination import ArchiveAway, ArchiveDiffers
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.archive.layout import kept_path
from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.stores.store import SignedCheckpoint
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer
from contracts.errors import SettingInvalid
from tests.audit_sidecar.archive.destinations import Failing
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, foreign, new_log, stranger

KEYS = [SIGNER.verifier]
STRANGER = Signer.from_seed("somebody.else/log", bytes(range(1, 33)))
STRANGER_LINE = "\u2014 somebody.else/log c29tZXRoaW5nIHRoYXQgaXMgbm8gc2lnbmF0dXJl\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty archive."""
    place = tmp_path / "archive"
    place.mkdir()
    return place


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Log]:
    """Another log of the same name and key."""
    (tmp_path / "other").mkdir()
    made = new_log(tmp_path / "other")
    yield made
    made.writer.close()


def archiver(log: Log, folder: Path) -> Archiver:
    """A fresh archiver, as after a start."""
    return Archiver(log.reader, FolderArchive(folder), KEYS)


@pytest.mark.parametrize("leaves", [1, 255, 256, 257, 600])
def test_an_archive_is_a_sound_log(log: Log, folder: Path, leaves: int) -> None:
    """Fsck of the folder alone finds every leaf, and the checkpoint is kept for good beside it."""
    log.grow(leaves)
    assert archiver(log, folder).catch_up() == Round(0, leaves)
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == leaves
    assert (folder / kept_path(leaves)).read_bytes() == (folder / "checkpoint").read_bytes()


def test_an_archive_goes_on_where_it_stopped(log: Log, folder: Path) -> None:
    """A round writes what is new, another sidecar goes on from it, and a round without news writes nothing."""
    log.grow(300)
    first = archiver(log, folder)
    first.catch_up()
    log.grow(700)
    assert archiver(log, folder).catch_up() == Round(300, 700)
    assert first.catch_up() == Round(300, 700)
    assert first.catch_up() == Round(700, 700)
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == 700


def test_a_log_without_a_checkpoint_is_not_archived(log: Log, folder: Path) -> None:
    """Nothing is written before something was signed."""
    assert archiver(log, folder).catch_up() == Round(0, 0)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kept", [True, False], ids=["reply lost", "not written"])
def test_whatever_breaks_off_is_begun_again(log: Log, folder: Path, kept: bool) -> None:
    """Cut at every write of a round, before or after it took effect, the next round ends at the same archive."""
    log.grow(300)
    archiver(log, folder).catch_up()
    log.grow(600)
    whole = Failing(FolderArchive(folder), 0, kept=False)
    scratch = folder.with_name("scratch")
    shutil.copytree(folder, scratch)
    Archiver(log.reader, whole, KEYS).catch_up()
    assert whole.calls > 5
    for call in range(1, whole.calls + 1):
        copy = folder.with_name(f"copy-{call}")
        shutil.copytree(scratch, copy)
        with pytest.raises(ArchiveAway):
            Archiver(log.reader, Failing(FolderArchive(copy), call, kept=kept), KEYS).catch_up()
        assert check_log(FolderLog(copy), KEYS).checkpoint.size in (300, 600)
        archiver(log, copy).catch_up()
        assert check_log(FolderLog(copy), KEYS).checkpoint.size == 600


def test_lines_of_witnesses_that_came_between_two_rounds_are_no_other_log(log: Log, folder: Path) -> None:
    """The first one broke off after it had kept the checkpoint, which stays as it is; the newest has all lines."""
    log.grow(3)
    plain = log.reader.checkpoint()
    assert plain is not None
    # One bundle, one tile, the kept checkpoint; then the one that is shown.
    last = Archiver(log.reader, Failing(FolderArchive(folder), 4, kept=False), KEYS)
    with pytest.raises(ArchiveAway):
        last.catch_up()
    note = plain.note + STRANGER_LINE
    log.writer.put_checkpoint(plain._replace(note=note))
    for one in (last, archiver(log, folder)):
        assert one.catch_up().size == 3
        assert (folder / kept_path(3)).read_bytes() == plain.note
        assert (folder / "checkpoint").read_bytes() == note
        (folder / "checkpoint").unlink()


@pytest.mark.parametrize("signer", [SIGNER, STRANGER])
def test_a_checkpoint_that_was_planted_locks_nothing(log: Log, folder: Path, signer: Signer) -> None:
    """What is locked stays wrong for years: neither files of leaves that there are not, nor a note of another key."""
    log.grow(3)
    assert archiver(log, folder).catch_up() == Round(0, 3)
    before = sorted(folder.rglob("*"))
    signed = log.reader.checkpoint()
    assert signed is not None
    note = sign_checkpoint(Checkpoint(signer.verifier.name, 300, bytes(32)), [signer])
    log.writer.put_checkpoint(SignedCheckpoint(300, bytes(32), note, 1))
    with pytest.raises(ArchiveDiffers if signer is SIGNER else StoreRefused):
        archiver(log, folder).catch_up()
    assert sorted(folder.rglob("*")) == before


def test_a_fork_is_never_archived(log: Log, other: Log, folder: Path) -> None:
    """Another history under the same name and key is refused, and what lies there stays."""
    log.grow(300)
    archiver(log, folder).catch_up()
    before = (folder / "checkpoint").read_bytes()
    other.send(stranger(*(foreign(number + 5000) for number in range(400))))
    other.publish_now()
    with pytest.raises(ArchiveDiffers, match="fork"):
        archiver(other, folder).catch_up()
    assert (folder / "checkpoint").read_bytes() == before


def test_an_older_store_is_told_apart(log: Log, other: Log, folder: Path) -> None:
    """A store with fewer leaves than the archive knows is an older copy."""
    log.grow(300)
    archiver(log, folder).catch_up()
    other.grow(200)
    with pytest.raises(ArchiveDiffers, match="older copy"):
        archiver(other, folder).held()


def test_an_archive_set_back_is_seen_by_its_kept_checkpoints(log: Log, other: Log, folder: Path) -> None:
    """Whoever replaces `checkpoint` by an older one does not hide the later one that was kept."""
    log.grow(300)
    archiver(log, folder).catch_up()
    older = (folder / "checkpoint").read_bytes()
    log.grow(600)
    archiver(log, folder).catch_up()
    (folder / "checkpoint").write_bytes(older)
    other.grow(400)
    with pytest.raises(ArchiveDiffers, match="600 leaves"):
        archiver(other, folder).held()


def test_a_file_that_was_changed_is_not_taken_for_ours(log: Log, folder: Path) -> None:
    """Where other bytes lie than this log's, the archiver stops instead of covering them."""
    log.grow(300)
    archiver(log, folder).catch_up()
    tile = folder / "tile" / "0" / "001.p" / "44"
    tile.write_bytes(bytes(len(tile.read_bytes())))
    (folder / "checkpoint").unlink()
    with pytest.raises(ArchiveDiffers, match="44"):
        archiver(log, folder).catch_up()


@pytest.mark.parametrize(
    "note",
    [b"nonsense\n", sign_checkpoint(Checkpoint(STRANGER.verifier.name, 1, bytes(32)), [STRANGER])],
    ids=["no note", "another log"],
)
def test_a_place_that_is_something_else_is_refused(log: Log, folder: Path, note: bytes) -> None:
    """An archive whose checkpoint is not this log's is never written to."""
    (folder / "checkpoint").write_bytes(note)
    log.grow(10)
    with pytest.raises(ArchiveDiffers, match="no checkpoint of this log's keys"):
        archiver(log, folder).catch_up()
    assert [path.name for path in folder.iterdir()] == ["checkpoint"]


def test_a_missing_folder_is_a_setting(tmp_path: Path) -> None:
    """A volume that is not mounted is told at the start, not made."""
    with pytest.raises(SettingInvalid, match="no folder"):
        FolderArchive(tmp_path / "missing")
