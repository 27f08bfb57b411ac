# SPDX-License-Identifier: Apache-2.0
"""fsck over C2SP files: sound logs of every shape pass, every tampered file fails and the first bad leaf is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audit_sidecar.fsck.check import BadLeaf, BadTile, SoundLog, check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.fsck.reader import LogUnreadable
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from audit_sidecar.tlog.errors import BadSignature, Inconsistent, Malformed, RootMismatch, VerificationError
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.merkle import leaf_hash
from audit_sidecar.tlog.note import sign_note
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER, EvidenceLog, Kept, record

KEYS = [SIGNER.verifier]
SIZE = 600  # two full bundles, a partial one, and a level above
RECORDS = [record(number) for number in range(SIZE)]
LOG = EvidenceLog(RECORDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return LOG.write(tmp_path / "log")


def check(folder: Path, **options: object) -> SoundLog:
    return check_log(FolderLog(folder), KEYS, **options)  # type: ignore[arg-type]


def kept(size: int, records: list[Kept] = RECORDS) -> Checkpoint:
    return open_checkpoint(EvidenceLog(records[:size]).checkpoint(), KEYS)


def replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 513])
def test_sound_logs_of_every_shape(size: int, tmp_path: Path) -> None:
    """Empty, partial, exactly full and just overflowing logs are sound, and their leaves are counted by kind."""
    found = check(EvidenceLog(RECORDS[:size]).write(tmp_path))
    assert found.checkpoint.size == size
    assert found.kinds == ({"prediction": size} if size else {})


def test_a_log_with_a_full_second_level(tmp_path: Path) -> None:
    """At 65,537 leaves a level-1 tile is full and level 2 begins: all of it is derived and compared."""
    leaf = RECORDS[0].leaf
    log = EvidenceLog([Kept(leaf, b"", b"")] * 65_537)
    log.write(tmp_path)
    assert check(tmp_path).kinds == {"prediction": 65_537}
    flip(tmp_path / "tile/2/000.p/1", 3)
    with pytest.raises(BadTile) as caught:
        check(tmp_path)
    assert (caught.value.first, caught.value.last) == (0, 65_535)


def test_progress_is_told_after_each_bundle(folder: Path) -> None:
    """The caller hears how many leaves of how many are done."""
    heard: list[tuple[int, int]] = []
    check(folder, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(256, 600), (512, 600), (600, 600)]


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, 599])
def test_the_first_changed_leaf_is_named(folder: Path, index: int) -> None:
    """A leaf changed in its bundle is named by index, and a later one does not distract."""
    for number in (index, 599):
        path = folder / ("tile/entries/" + {0: "000", 1: "001", 2: "002.p/88"}[number // 256])
        old = b'"seq":%d,' % number
        if old in path.read_bytes():
            replace(path, old, b'"seq":%d,' % (number + 1 if len(str(number + 1)) == len(str(number)) else number - 1))
    with pytest.raises(BadLeaf) as caught:
        check(folder)
    assert caught.value.index == index


@pytest.mark.parametrize(
    ("path", "at", "leaf"),
    [("tile/0/000", 32 * 7 + 3, 7), ("tile/0/001", 0, 256), ("tile/0/002.p/88", 88 * 32 - 1, 599)],
)
def test_a_changed_leaf_hash_is_named(folder: Path, path: str, at: int, leaf: int) -> None:
    """A changed level-0 tile names the leaf whose hash it holds."""
    flip(folder / path, at)
    with pytest.raises(BadLeaf) as caught:
        check(folder)
    assert caught.value.index == leaf


def test_a_changed_higher_tile_names_its_leaves(folder: Path) -> None:
    """A changed level-1 hash names the 256 leaves that it stands for."""
    flip(folder / "tile/1/000.p/2", 32)
    with pytest.raises(BadTile) as caught:
        check(folder)
    assert (caught.value.first, caught.value.last) == (256, 511)


def test_every_byte_of_every_small_file_counts(tmp_path: Path) -> None:
    """In a log of three leaves no byte of any file can change."""
    EvidenceLog(RECORDS[:3]).write(tmp_path)
    for path in sorted(file for file in tmp_path.rglob("*") if file.is_file()):
        for at in range(path.stat().st_size):
            flip(path, at)
            with pytest.raises(VerificationError):
                check(tmp_path)
            flip(path, at)
    assert check(tmp_path).checkpoint.size == 3


@pytest.mark.parametrize(
    "path", ["tile/entries/000", "tile/entries/002.p/88", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
)
def test_missing_and_resized_files_are_faults(folder: Path, path: str) -> None:
    """A tile or bundle that is missing, cut short or has something behind it is a fault of the log."""
    data = (folder / path).read_bytes()
    for wrong in (data + b"\0", data[:-1], data + data[:32], b""):
        (folder / path).write_bytes(wrong)
        with pytest.raises(BadTile):
            check(folder)
    (folder / path).unlink()
    with pytest.raises(BadTile, match="missing"):
        check(folder)


def test_an_extra_entry_in_a_partial_bundle_is_a_fault(folder: Path) -> None:
    """A bundle holds exactly its width, however well formed the surplus is."""
    path = folder / "tile/entries/002.p/88"
    leaf = RECORDS[0].leaf
    path.write_bytes(path.read_bytes() + len(leaf).to_bytes(2, "big") + leaf)
    with pytest.raises(BadTile, match=r"entries/002\.p/88"):
        check(folder)


def test_partial_files_may_give_way_to_full_ones(tmp_path: Path) -> None:
    """When the log has grown and its partial files are gone, the full ones are read up to the checkpoint."""
    grown = EvidenceLog(RECORDS[:512]).write(tmp_path)
    (grown / "checkpoint").write_bytes(EvidenceLog(RECORDS[:300]).checkpoint())
    (grown / "tile/1/000.p/1").write_bytes((grown / "tile/1/000.p/2").read_bytes()[:32])
    assert check(grown).checkpoint.size == 300


def test_an_entry_that_is_no_leaf_is_named(tmp_path: Path) -> None:
    """A log whose hashes all fit is still refused at the first entry that is not a canonical leaf."""
    broken = Kept(RECORDS[1].leaf.replace(b'"v":1', b'"v": 1'), b"", b"")
    EvidenceLog([RECORDS[0], broken, RECORDS[2]]).write(tmp_path)
    with pytest.raises(BadLeaf, match="no leaf") as caught:
        check(tmp_path)
    assert caught.value.index == 1


def test_a_tree_that_is_not_the_signed_one_is_refused(folder: Path) -> None:
    """Entries and tiles that fit each other but not the signed root are another log."""
    other = EvidenceLog([record(number + 1) for number in range(SIZE)])
    checkpoint = (folder / "checkpoint").read_bytes()
    other.write(folder)
    (folder / "checkpoint").write_bytes(checkpoint)
    with pytest.raises(RootMismatch) as caught:
        check(folder)
    assert caught.value.expected == kept(SIZE).root


@pytest.mark.parametrize(
    ("old", "new"), [(b"\n600\n", b"\n0600\n"), (b"\n600\n", b"\n0300\n"), (b"\n600\n", b"\n6_0\n"), (b"=\n", b"\n")]
)
def test_another_spelling_in_a_signed_checkpoint_is_refused(folder: Path, old: bytes, new: bytes) -> None:
    """Size `0300` or bare base64 is malformed even under a true signature."""
    text = kept(SIZE).to_text().replace(old.decode(), new.decode())
    assert text != kept(SIZE).to_text()
    (folder / "checkpoint").write_bytes(sign_note(text, [SIGNER]))
    with pytest.raises(Malformed):
        check(folder)


def test_only_the_logs_key_counts(folder: Path) -> None:
    """Another key opens nothing."""
    with pytest.raises(BadSignature):
        check_log(FolderLog(folder), [Signer.from_seed(ORIGIN, bytes(32)).verifier])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 599, 600])
def test_a_log_extends_its_earlier_checkpoints(folder: Path, size: int) -> None:
    """Kept checkpoints of any earlier size are found again in the same pass."""
    assert check(folder, kept=[kept(size), kept(300)]).kept == (kept(size), kept(300))


def forged_end(records: list[Kept]) -> list[Kept]:
    return [*records[:-1], record(9_999)]


def shortened(records: list[Kept]) -> list[Kept]:
    return records[:-1]


def reordered(records: list[Kept]) -> list[Kept]:
    return [records[1], records[0], *records[2:]]


@pytest.mark.parametrize("tamper", [forged_end, shortened, reordered])
def test_a_rewriting_by_the_key_holder_shows_against_a_kept_checkpoint(
    tmp_path: Path, tamper: Callable[[list[Kept]], list[Kept]]
) -> None:
    """A log rebuilt and re-signed is sound by itself, and inconsistent with what was kept elsewhere."""
    EvidenceLog(tamper(RECORDS[:300])).write(tmp_path)
    assert check(tmp_path).checkpoint.origin == ORIGIN
    with pytest.raises(Inconsistent) as caught:
        check(tmp_path, kept=[kept(100 if tamper is reordered else 300)])
    assert caught.value.smaller[0] in (100, 300)


def test_a_kept_checkpoint_of_another_log_is_refused(folder: Path) -> None:
    """A comparison with another log's checkpoint proves nothing and is not passed over."""
    with pytest.raises(VerificationError, match="other"):
        check(folder, kept=[Checkpoint("log.example.com/other", 1, leaf_hash(RECORDS[0].leaf))])


def test_a_folder_without_a_checkpoint_is_no_log(tmp_path: Path) -> None:
    """What cannot be read says nothing about the log."""
    with pytest.raises(LogUnreadable, match="checkpoint"):
        check(tmp_path)
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(LogUnreadable):
        check(tmp_path)


def test_two_keys_of_a_rotation(folder: Path) -> None:
    """While keys rotate, a log is sound under either key."""
    new = Signer.from_seed(ORIGIN, bytes(32))
    (folder / "checkpoint").write_bytes(sign_checkpoint(kept(SIZE), [SIGNER, new]))
    assert check_log(FolderLog(folder), [new.verifier]).checkpoint == check(folder).checkpoint
