# SPDX-License-Identifier: Apache-2.0
"""A bundle is served only if every byte of it is what the card pins."""

import hashlib
import shutil
from pathlib import Path

import pytest

from contracts.bundle import load_bundle
from contracts.errors import BundleInvalid, ModelCardInvalid

REFERENCE = Path(__file__).parents[2] / "models" / "telecom-churn" / "1.0.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE, tmp_path / "bundle"))


def test_a_bundle_is_its_bytes(folder: Path) -> None:
    """Digests are those of the files, and every file that the card names can be read."""
    bundle = load_bundle(folder)
    assert bundle.card_digest == hashlib.sha256((folder / "card.yaml").read_bytes()).hexdigest()
    assert bundle.artifact_digest == hashlib.sha256(bundle.artifact_bytes).hexdigest() == bundle.card.artifact.sha256
    assert bundle.card.evidence
    for item in bundle.card.evidence:
        assert hashlib.sha256(bundle.read(item.file)).hexdigest() == item.sha256
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_disk == {"card.yaml", "model.onnx", *(item.file for item in bundle.card.evidence)}


@pytest.mark.parametrize("place", [0, 100, -1])
def test_one_changed_bit_of_the_artifact_is_refused(folder: Path, place: int) -> None:
    """The message has both digests and says how to mend it."""
    path = folder / "model.onnx"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleInvalid, match=r"model\.onnx has SHA-256 [0-9a-f]{64}, but .* says [0-9a-f]{64}; restore"):
        load_bundle(folder)


def test_changed_evidence_is_refused_when_read(folder: Path) -> None:
    """Evidence is compared with the card at each reading."""
    bundle = load_bundle(folder)
    with (folder / "evidence" / "labels.csv").open("a") as file:
        file.write("500,churn\n")
    with pytest.raises(BundleInvalid, match=r"labels\.csv has SHA-256"):
        bundle.read("evidence/labels.csv")


@pytest.mark.parametrize("file", ["card.yaml", "model.onnx"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    """A file that is not there is one clear line."""
    (folder / file).unlink()
    with pytest.raises(BundleInvalid, match=rf"cannot read .*{file}: No such file"):
        load_bundle(folder)


def test_a_file_that_the_card_does_not_name_is_not_read(folder: Path) -> None:
    """Nothing unpinned is read, not even inside the bundle."""
    (folder / "evidence" / "extra.csv").write_text("x\n")
    with pytest.raises(BundleInvalid, match=r"lists no file `evidence/extra\.csv`"):
        load_bundle(folder).read("evidence/extra.csv")


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """The message says what to name instead."""
    with pytest.raises(BundleInvalid, match="is not a folder; name one like models/"):
        load_bundle(tmp_path / "nowhere")


def test_a_card_that_cannot_be_read_is_named_by_its_path(folder: Path) -> None:
    """The position is given within the file as the user knows it."""
    (folder / "card.yaml").write_text("model_id: [\n")
    with pytest.raises(ModelCardInvalid, match=r"bundle/card\.yaml:2:1: not YAML"):
        load_bundle(folder)
