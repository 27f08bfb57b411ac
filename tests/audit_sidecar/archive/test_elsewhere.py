# SPDX-License-Identifier: Apache-2.0
"""Checkpoints known elsewhere: every form is read, and a place that carries none is never passed over."""

from pathlib import Path

import pytest

from audit_sidecar.archive.archiver import Archiver
from audit_sidecar.archive.elsewhere import known_elsewhere
from audit_sidecar.archive.folder import FolderArchive
from audit_sidecar.archive.layout import kept_path
from audit_sidecar.fsck.reader import LogUnreadable
from audit_sidecar.tlog.keys import generate_signer
from contracts.errors import SettingInvalid
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, foreign, stranger

KEYS = [SIGNER.verifier]


@pytest.fixture
def archive(log: Log, tmp_path: Path) -> Path:
    """An archive of 1 and then 3 leaves, whose `checkpoint` was set back to 1."""
    folder = tmp_path / "archive"
    folder.mkdir()
    log.publish_now()
    Archiver(log.reader, FolderArchive(folder), KEYS).catch_up()
    older = (folder / "checkpoint").read_bytes()
    log.send(stranger(foreign(1), foreign(2)))
    log.publish_now()
    Archiver(log.reader, FolderArchive(folder), KEYS).catch_up()
    (folder / "checkpoint").write_bytes(older)
    return folder


def test_an_archive_knows_what_it_kept_for_good(archive: Path) -> None:
    """A `checkpoint` that was set back does not hide the kept ones, nor an anchor beside them."""
    assert [found.size for found in known_elsewhere([str(archive)], KEYS)] == [3]
    (archive / "anchor").write_bytes((archive / "checkpoint").read_bytes())
    assert [found.size for found in known_elsewhere([str(archive)], KEYS)] == [3, 1]


def test_files_and_folders_are_read_as_before(archive: Path) -> None:
    """A note by its path, a folder of notes, and several places at once."""
    one, three = archive / kept_path(1), archive / kept_path(3)
    assert [found.size for found in known_elsewhere([str(one), str(three)], KEYS)] == [1, 3]
    assert [found.size for found in known_elsewhere([str(archive / "checkpoints")], KEYS)] == [1, 3]


@pytest.mark.parametrize("damage", ["anchor", "checkpoint", kept_path(3)])
def test_a_damaged_one_is_never_left_out(archive: Path, damage: str) -> None:
    """What cannot be read would look like agreement if it were skipped."""
    (archive / damage).write_bytes(b"something else\n")
    with pytest.raises(LogUnreadable, match=damage):
        known_elsewhere([str(archive)], KEYS)


def test_a_place_without_a_checkpoint_is_told(tmp_path: Path) -> None:
    """An empty archive, an empty folder, and what is no place at all."""
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(LogUnreadable, match="no checkpoint"):
        known_elsewhere([str(tmp_path)], KEYS)
    with pytest.raises(LogUnreadable, match="cannot read"):
        known_elsewhere([str(tmp_path / "nowhere")], KEYS)
    with pytest.raises(SettingInvalid, match="no place"):
        known_elsewhere(["ftp://x"], KEYS)


def test_another_keys_checkpoint_is_none(archive: Path) -> None:
    """Who holds another key knows nothing of this log."""
    with pytest.raises(LogUnreadable):
        known_elsewhere([str(archive)], [generate_signer(ORIGIN).verifier])
