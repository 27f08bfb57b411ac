# SPDX-License-Identifier: Apache-2.0
"""A log that Tessera wrote: everything in it that C2SP defines is read and verified by our code."""

from pathlib import Path

import pytest

from audit_sidecar.fsck.check import BadLeaf, check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier, read_verifiers
from audit_sidecar.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit_sidecar.tlog.proof import encode_proof, parse_proof, verify_proof
from audit_sidecar.tlog.tiles import (
    decode_bundle,
    locate,
    required_entries,
    required_tiles,
    subtree_root,
    tile_hashes,
    tile_root,
)
from tests.conformance.outside import judge, run

STEPS = (100, 200)
SIZE = sum(STEPS)
PROVED = (0, 5, 99, 100, 255, 256, 299)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Tessera's log, its key, its checkpoints and its proofs."""
    folder = tmp_path_factory.mktemp("foreign")
    steps, proofs = (",".join(map(str, numbers)) for numbers in (STEPS, PROVED))
    finished = run("tesseralog", "-out", str(folder), "-steps", steps, "-proofs", proofs)
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def key(foreign: Path) -> Verifier:
    """Its verifier key."""
    (verifier,) = read_verifiers((foreign / "vkey").read_bytes())
    return verifier


def entry(index: int) -> bytes:
    """What Tessera was given."""
    return f"foreign entry {index}".encode()


def _opened(foreign: Path, key: Verifier, size: int) -> Checkpoint:
    return open_checkpoint((foreign / f"checkpoint.{size}").read_bytes(), [key], key.name)


def _tiles(foreign: Path) -> dict[tuple[int, int], bytes]:
    log = FolderLog(foreign / "log")
    return {(tile.level, tile.index): log.tile(tile.level, tile.index, tile.width) for tile in required_tiles(SIZE)}


def test_its_checkpoints_open(foreign: Path, key: Verifier) -> None:
    """Signature, origin and size are read as Tessera wrote them."""
    assert [_opened(foreign, key, size).size for size in (STEPS[0], SIZE)] == [STEPS[0], SIZE]
    assert open_checkpoint((foreign / "log" / "checkpoint").read_bytes(), [key]) == _opened(foreign, key, SIZE)


def test_its_entries_give_its_tiles_and_its_root(foreign: Path, key: Verifier) -> None:
    """From the entry bundles up, every tile and the root come out as Tessera has them."""
    log = FolderLog(foreign / "log")
    bundles = (decode_bundle(log.entries(b.index, b.width), b.width) for b in required_entries(SIZE))
    entries = [found for bundle in bundles for found in bundle]
    assert entries == [entry(index) for index in range(SIZE)]
    hashes = [leaf_hash(found) for found in entries]
    tiles = _tiles(foreign)
    assert [*tile_hashes(tiles[0, 0], 256), *tile_hashes(tiles[0, 1], SIZE - 256)] == hashes
    assert tile_hashes(tiles[1, 0], 1) == [tile_root(tiles[0, 0])]
    assert root_of(hashes) == _opened(foreign, key, SIZE).root


def test_its_proofs_verify_and_are_the_ones_we_would_give(foreign: Path, key: Verifier) -> None:
    """Its tlog-proofs verify here, say the same in our spelling, and for another entry they do not."""
    tiles = _tiles(foreign)
    for index in PROVED:
        text = (foreign / f"{index}.tlog-proof").read_bytes()
        proof = parse_proof(text)
        assert verify_proof(proof, leaf_hash(entry(index)), [key]).size == SIZE
        assert encode_proof(proof) == text
        assert list(proof.hashes) == inclusion_proof(index, SIZE, lambda level, at: _subtree(tiles, level, at))
        with pytest.raises(VerificationError):
            verify_proof(proof, leaf_hash(entry(index + 1)), [key])


def test_its_tiles_prove_that_it_only_grew(foreign: Path, key: Verifier) -> None:
    """From its tiles, its newer checkpoint is shown to extend the older one, and a leaf to be in it."""
    tiles = _tiles(foreign)
    old, new = _opened(foreign, key, STEPS[0]), _opened(foreign, key, SIZE)
    proof = consistency_proof(old.size, new.size, lambda level, at: _subtree(tiles, level, at))
    verify_consistency((old.size, old.root), (new.size, new.root), proof)
    hashes = inclusion_proof(7, new.size, lambda level, at: _subtree(tiles, level, at))
    verify_inclusion(leaf_hash(entry(7)), 7, new.size, new.root, hashes)
    with pytest.raises(VerificationError):
        verify_consistency((old.size, old.root), (new.size, new.root), [*proof[:-1], bytes(32)])


def _subtree(tiles: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    position = locate(level, index)
    return subtree_root(tiles[position.level, position.index], position)


def test_our_fsck_says_that_its_entries_are_no_evidence(foreign: Path, key: Verifier) -> None:
    """A sound C2SP log of something else is not a sound log of evidence, and the first entry is named."""
    with pytest.raises(BadLeaf, match="leaf 0: its entry is no leaf"):
        check_log(FolderLog(foreign / "log"), [key])


@pytest.mark.parametrize(
    "change",
    [
        (b"index 256", b"index 0256"),
        (b"\n\n", b"\r\n\n"),
        (b"@v1\n", b"@v1\r\n"),
        (b"index 256\n", b"index 256 \n"),
        (b"@v1\n", b"@v2\n"),
        (b"index 256\n", b"index 256\nextra AA==\n"),
    ],
)
def test_a_proof_has_one_spelling(foreign: Path, key: Verifier, change: tuple[bytes, bytes]) -> None:
    """Whatever other readers let pass, ours refuses every other spelling of a proof."""
    text = (foreign / "256.tlog-proof").read_bytes()
    assert text.count(change[0]) >= 1
    with pytest.raises(VerificationError):
        verify_proof(parse_proof(text.replace(*change, 1)), leaf_hash(entry(256)), [key])


def test_transparency_dev_reads_a_proof_less_strictly(foreign: Path, key: Verifier) -> None:
    """Its reader takes an index that starts with zero; the difference is known, and this is where it would show."""
    text = (foreign / "256.tlog-proof").read_bytes()
    question = {"ask": "tlog-proof", "vkey": key.to_text(), "origin": key.name, "leaf": entry(256)}
    loose = text.replace(b"index 256", b"index 0256")
    right, lax, wrong = judge(
        "formats", [question | {"text": text}, question | {"text": loose}, question | {"text": text, "leaf": b"other"}]
    )
    assert (right.accepted, lax.accepted, wrong.accepted) == (True, True, False)
