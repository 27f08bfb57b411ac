# SPDX-License-Identifier: Apache-2.0
"""An exported folder is the log in C2SP files, brought up to date, and never made to forget."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.fsck.reader import LogUnreadable, MissingFile
from audit_sidecar.publish.export_log import export_log
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.merkle import EMPTY_ROOT
from audit_sidecar.tlog.tiles import entries_path, required_entries, required_tiles, tile_path
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, new_log

KEYS = [SIGNER.verifier]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("leaves", [1, 2, 255, 256, 257, 700])
def test_an_exported_folder_is_a_sound_log(log: Log, tmp_path: Path, leaves: int) -> None:
    """Checkpoint, tiles and bundles of exactly this size, and nothing else; fsck of the folder alone agrees."""
    log.grow(leaves)
    folder = tmp_path / "out"
    assert export_log(log.reader, folder) == leaves
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == leaves
    names = {tile_path(tile.level, tile.index, tile.width) for tile in required_tiles(leaves)}
    names |= {entries_path(bundle.index, bundle.width) for bundle in required_entries(leaves)}
    assert set(files(folder)) == names | {"checkpoint"}


def test_an_older_export_is_brought_up_to_date(log: Log, tmp_path: Path) -> None:
    """Full files stay as they are; the checkpoint is the new one, and the whole is sound."""
    folder = tmp_path / "out"
    log.grow(300)
    export_log(log.reader, folder)
    before = files(folder)
    log.grow(600)
    progress: list[tuple[int, int]] = []
    export_log(log.reader, folder, lambda done, size: progress.append((done, size)))
    after = files(folder)
    assert check_log(FolderLog(folder), KEYS).checkpoint.size == 600
    assert all(after[name] == data for name, data in before.items() if name != "checkpoint")
    assert progress == [(512, 600), (600, 600)]
    export_log(log.reader, folder)
    assert files(folder) == after


def test_a_log_without_checkpoint_is_not_exported(log: Log, tmp_path: Path) -> None:
    """It says what to do, and makes no folder that looks like a log."""
    with pytest.raises(LogUnreadable, match="start the sidecar"):
        export_log(log.reader, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_left_alone(log: Log, tmp_path: Path) -> None:
    """A stranger's file, another log, a file in place of the folder."""
    log.publish_now()
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(StoreRefused, match=r"notes\.txt"):
        export_log(log.reader, folder)
    assert set(files(folder)) == {"notes.txt"}
    with pytest.raises(StoreRefused, match="cannot write"):
        export_log(log.reader, folder / "notes.txt")
    (folder / "notes.txt").unlink()
    other = Checkpoint(ORIGIN + "/other", 0, EMPTY_ROOT)
    signer = type(SIGNER).from_seed(ORIGIN + "/other", bytes(32))
    (folder / "checkpoint").write_bytes(sign_checkpoint(other, [signer]))
    with pytest.raises(StoreRefused, match="holds the log"):
        export_log(log.reader, folder)


def test_an_export_never_overwrites_a_longer_or_another_history(log: Log, tmp_path: Path) -> None:
    """A folder that the store no longer extends is the proof of what was lost: it is kept, and named as such."""
    log.grow(20)
    export_log(log.reader, tmp_path / "longer")
    (tmp_path / "second").mkdir()
    rolled_back = new_log(tmp_path / "second")
    for size in (10, 20, 30):
        rolled_back.grow(size)
        before = files(tmp_path / "longer")
        with pytest.raises(StoreRefused, match=r"no longer extends .* fsck --against"):
            export_log(rolled_back.reader, tmp_path / "longer")
        assert files(tmp_path / "longer") == before
    rolled_back.writer.close()


def test_a_store_seen_as_files_is_fixed_at_its_checkpoint(log: Log) -> None:
    """What no checkpoint covers is not there yet, in any level; the same view stays the same while the log grows."""
    producer = Producer()
    log.send(producer.export(*range(300)))
    assert StoreLog(log.reader).size == 0
    with pytest.raises(MissingFile):
        StoreLog(log.reader).tile(0, 0, 1)
    log.publish_now()
    view = StoreLog(log.reader)
    assert view.size == 301
    log.send(producer.export(*range(300, 700)))
    log.publish_now()
    assert view.size == 301
    assert len(view.tile(0, 1, 45)) == 45 * 32
    assert len(view.tile(1, 0, 1)) == 32
    for level, index, width in [(0, 1, 46), (0, 2, 1), (1, 0, 2), (2, 0, 1)]:
        with pytest.raises(MissingFile):
            view.tile(level, index, width)
    with pytest.raises(MissingFile):
        view.entries(1, 46)
    assert check_log(view, KEYS).checkpoint.size == 301
