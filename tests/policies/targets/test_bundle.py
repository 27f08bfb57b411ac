# SPDX-License-Identifier: Apache-2.0
"""A bundle as a target: what lies in it, what lies beside it, and where everything on its card stands."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from policies.errors import TargetUnreadable
from policies.targets.bundle import read_bundle
from tests.tree import ROOT

RELEASED = ROOT / "models/telecom-churn/1.0.0"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """An inventory of one model with one version."""
    shutil.copytree(RELEASED, tmp_path / "models/telecom-churn/1.0.0")
    return tmp_path / "models/telecom-churn"


def test_every_file_that_the_card_names_is_read(inventory: Path) -> None:
    """Artifact, explanation and evidence are there as found, with their digests computed."""
    target = read_bundle(str(inventory / "1.0.0"))
    assert target.files.keys() >= {"model.onnx", "evidence/labels.csv", "evidence/instructions-for-use.md"}
    assert target.digest("model.onnx") == hashlib.sha256((RELEASED / "model.onnx").read_bytes()).hexdigest()
    assert target.card_digest == hashlib.sha256((RELEASED / "card.yaml").read_bytes()).hexdigest()


def test_versions_beside_it_are_folders_with_a_card(inventory: Path) -> None:
    """A folder without a card is no version, and a bundle does not lie beside itself."""
    assert read_bundle(str(inventory / "1.0.0")).siblings == frozenset()
    shutil.copytree(inventory / "1.0.0", inventory / "0.9.0")
    (inventory / "drafts").mkdir()
    target = read_bundle(str(inventory / "1.0.0"))
    assert target.siblings == frozenset({"0.9.0"})
    assert target.folder == ("telecom-churn", "1.0.0")


def test_the_inventory_is_found_from_within(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle named as the folder one stands in has the same folder and neighbours."""
    shutil.copytree(inventory / "1.0.0", inventory / "0.9.0")
    monkeypatch.chdir(inventory / "1.0.0")
    target = read_bundle(".")
    assert (target.folder, target.siblings) == (("telecom-churn", "1.0.0"), frozenset({"0.9.0"}))


def test_a_missing_key_stands_where_its_parent_does(inventory: Path) -> None:
    """A finding on something absent opens the card where it belongs."""
    target = read_bundle(str(inventory / "1.0.0"))
    assert target.at("provider", "street") == target.at("provider")
    assert target.at("provider", "name").line == target.at("provider").line + 1
    assert str(target.at("nowhere")) == f"{inventory / '1.0.0'}/card.yaml:1:1"


@pytest.mark.parametrize("file", ["card.yaml", "model.onnx", "evidence/labels.csv"])
def test_a_file_that_is_not_there_makes_it_unreadable(inventory: Path, file: str) -> None:
    """Nothing is judged of a bundle with a hole."""
    (inventory / "1.0.0" / file).unlink()
    with pytest.raises(TargetUnreadable, match=r"cannot be read: No such file"):
        read_bundle(str(inventory / "1.0.0"))


def test_what_the_card_does_not_name_is_told(inventory: Path) -> None:
    """Hidden files, files in new folders and links to folders too; what is named is never among it."""
    bundle = inventory / "1.0.0"
    assert read_bundle(str(bundle)).unlisted == ()
    (bundle / "model.onnx.data").write_bytes(b"x")
    (bundle / "evidence" / "more").mkdir()
    (bundle / "evidence" / "more" / ".hidden").write_bytes(b"x")
    (bundle / "linked").symlink_to(inventory)
    assert read_bundle(str(bundle)).unlisted == ("evidence/more/.hidden", "linked", "model.onnx.data")


def test_what_is_no_file_is_not_read(inventory: Path) -> None:
    """A pipe would keep the gate waiting, and a device would fill its memory."""
    labels = inventory / "1.0.0/evidence/labels.csv"
    labels.unlink()
    labels.symlink_to("/dev/zero")
    with pytest.raises(TargetUnreadable, match="is no file"):
        read_bundle(str(inventory / "1.0.0"))
    labels.unlink()
    os.mkfifo(labels)
    with pytest.raises(TargetUnreadable, match="is no file"):
        read_bundle(str(inventory / "1.0.0"))


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: [", ":1:"), ("colour: red\n", "unknown key `colour`"), ("schema: x\nschema: y\n", ":2:1: duplicate key")],
)
def test_a_card_that_is_no_card_makes_it_unreadable(inventory: Path, text: str, where: str) -> None:
    """Broken YAML, an unknown and a duplicate key are refused with their place."""
    card = inventory / "1.0.0/card.yaml"
    card.write_text(text if text.startswith(("a", "schema")) else card.read_text() + text)
    with pytest.raises(TargetUnreadable) as refused:
        read_bundle(str(inventory / "1.0.0"))
    assert where in str(refused.value)
    assert refused.value.place.file.endswith("card.yaml")
