# SPDX-License-Identifier: Apache-2.0
"""Only a listed person with their own key signs, and what they sign binds every file as it lies there."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519

from countersign.__main__ import main
from policies.governance.reading import read_governance
from policies.verdict.signing_keys import private_pem, public_pem
from tests.policies.desk import CHURN
from tests.tree import ROOT

BUNDLE = ROOT / CHURN


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Ada's private key; she is listed, and Bob is not."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    (tmp_path / "ada.pem").write_text(private_pem(private))
    list_approvers(tmp_path, {"name": "Ada", "duty": "model risk", "public_key": public_pem(private.public_key())})
    return tmp_path / "ada.pem"


def list_approvers(folder: Path, *entries: dict[str, Any]) -> None:
    """Write approvers.yaml."""
    (folder / "governance").mkdir(exist_ok=True)
    whole = {"schema": "countersign.dev/approvers/v1", "approvers": list(entries)}
    (folder / "governance" / "approvers.yaml").write_text(yaml.safe_dump(whole))


def approve(key: Path, *words: str, name: str = "Ada", bundle: Path = BUNDLE) -> int:
    """Run the command."""
    governance = str(key.parent / "governance")
    return main(["approve", str(bundle), "--as", name, "--key", str(key), "--governance", governance, *words])


def test_an_approval_binds_every_file(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Card, artifact and every file of the evidence, by SHA-256; the command shows what it signs."""
    assert approve(key, "--on", "2026-11-23", "--note", "figures and limits read") == 0
    out = capsys.readouterr().out
    (found,) = read_governance(key.parent / "governance").approvals
    files = {str(path.relative_to(BUNDLE)): path.read_bytes() for path in BUNDLE.rglob("*") if path.is_file()}
    assert found.subjects == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert all(f"sha256 {digest}  {name}" in out for name, digest in found.subjects.items())
    assert (found.approver.name, found.model, found.note) == ("Ada", "telecom-churn@1.0.0", "figures and limits read")
    assert str(found.decided) == "2026-11-23"
    assert found.place.file.endswith("/approvals/telecom-churn/1.0.0/ada-" + found.approver.key_id[:8] + ".dsse.json")


def test_who_approves_again_replaces_their_approval(key: Path) -> None:
    """One person has one file for a version."""
    assert approve(key, "--on", "2026-11-22") == 0
    assert approve(key, "--on", "2026-11-23") == 0
    (found,) = read_governance(key.parent / "governance").approvals
    assert str(found.decided) == "2026-11-23"


def test_the_statement_is_in_toto(key: Path) -> None:
    """Others find subject and predicate where in-toto has them."""
    assert approve(key) == 0
    (file,) = (key.parent / "governance" / "approvals").rglob("*.json")
    statement = json.loads(base64.b64decode(json.loads(file.read_bytes())["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://countersign.dev/approval/v1"
    assert statement["predicate"]["decision"] == "approved"


def test_nobody_signs_as_another(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is not listed, and a listed name with another's key, are refused; nothing is written."""
    assert approve(key, name="Bob") == 2
    assert "it lists Ada" in capsys.readouterr().err
    stranger = key.with_name("eve.pem")
    stranger.write_text(private_pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)))
    assert approve(stranger) == 2
    assert "is not that of the private key" in capsys.readouterr().err
    assert not (key.parent / "governance" / "approvals").exists()


def test_what_is_missing_is_named(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No bundle, no key, no list of approvers: exit 2 with one line."""
    assert approve(key, bundle=tmp_path / "missing") == 2
    assert "card.yaml" in capsys.readouterr().err
    assert approve(key.with_name("missing.pem")) == 2
    assert "missing.pem" in capsys.readouterr().err
    (key.parent / "governance" / "approvers.yaml").unlink()
    assert approve(key) == 2
    assert "approvers.yaml is not there" in capsys.readouterr().err


def test_who_has_left_approves_no_more(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the day of expiry nothing is signed."""
    public = public_pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key())
    entry = {"name": "Ada", "duty": "model risk", "public_key": public, "expires": "2026-11-22"}
    list_approvers(key.parent, entry)
    assert approve(key, "--on", "2026-11-23") == 2
    assert "until 2026-11-22 only" in capsys.readouterr().err
    assert approve(key, "--on", "2026-11-22") == 0


def test_a_demonstration_key_says_what_it_is(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever signs with one is told at once."""
    public = public_pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key())
    list_approvers(key.parent, {"name": "Ada", "duty": "model risk", "public_key": public, "demonstration": True})
    assert approve(key) == 0
    assert "no human approval" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the path."""
    (key.parent / "governance" / "approvals").write_text("a file")
    assert approve(key) == 2
    assert "cannot write" in capsys.readouterr().err
