# SPDX-License-Identifier: Apache-2.0
"""Who may approve is read strictly: no name and no key stands for two people."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from policies.errors import CannotEvaluate
from policies.governance.approvers import read_approvers
from policies.governance.governance import Approver
from policies.governance.reading import read_governance
from policies.verdict.signing_keys import key_id, public_pem

ADA = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key()
BOB = ec.derive_private_key(7, ec.SECP256R1()).public_key()


def entry(**changes: Any) -> dict[str, Any]:
    """One approver, with what is changed; None leaves a key out."""
    whole = {"name": "Ada", "duty": "model risk", "public_key": public_pem(ADA), **changes}
    return {key: value for key, value in whole.items() if value is not None}


def read(*entries: dict[str, Any]) -> tuple[Approver, ...]:
    """The approvers of a file of these entries."""
    whole = {"schema": "countersign.dev/approvers/v1", "approvers": list(entries)}
    return read_approvers(yaml.safe_dump(whole, sort_keys=False).encode(), "approvers.yaml")


def test_an_approver_is_read() -> None:
    """The key's id is computed, identities are compared in lower case."""
    ada, bob = read(entry(identities=["Ada@Example.org"]), entry(name="Bob", public_key=public_pem(BOB)))
    assert (ada.key_id, bob.key_id) == (key_id(ADA), key_id(BOB))
    assert ada.identities == ("ada@example.org",)
    assert str(ada.place) == "approvers.yaml:3:3"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry(name=None)], "missing key `name`"),
        ([entry(duty="boss")], "duty"),
        ([entry(public_key="none")], "no public key in PEM"),
        ([entry(identities=["Ada"])], "identities"),
        ([entry(expires="soon")], "expires"),
        ([entry(role="model risk")], "unknown key `role`"),
        ([entry(cards=["0" * 64])], "demonstration: true"),
        ([entry(demonstration=True, cards=["telco"])], "cards"),
        ([entry(), entry(public_key=public_pem(BOB))], "the name of another approver"),
        ([entry(), entry(name="Bob")], "the key of another approver"),
        ([entry(), entry(name="ADA ", public_key=public_pem(BOB))], "the name of another approver"),
        (
            [
                entry(identities=["ada@example.org"]),
                entry(name="Bob", public_key=public_pem(BOB), identities=["Ada@example.org"]),
            ],
            "the address of another approver",
        ),
    ],
)
def test_a_list_that_cannot_be_trusted_is_refused(entries: list[dict[str, Any]], said: str) -> None:
    """Unknown duties and keys, demonstration cards beside a person's key, one person under two names."""
    with pytest.raises(CannotEvaluate, match=r"^approvers\.yaml:\d+:\d+: ") as caught:
        read(*entries)
    assert said in str(caught.value)


def test_only_the_kinds_of_key_that_sign_are_taken() -> None:
    """RSA is no key of an approver, so the list says so before anybody signs in vain."""
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(*_spki()).decode()
    with pytest.raises(CannotEvaluate, match="Ed25519 or EC P-256"):
        read(entry(public_key=pem))


def _spki() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def test_no_folder_means_nobody_and_nothing(tmp_path: Path) -> None:
    """An absent folder approves nothing and waives nothing."""
    found = read_governance(tmp_path / "governance")
    assert (found.approvers, found.approvals, found.refused, found.waivers, found.digests) == ((), (), (), (), {})


@pytest.mark.parametrize("name", ["approvers.yaml", "waivers.yaml"])
def test_a_file_that_is_there_and_cannot_be_read_is_no_empty_one(tmp_path: Path, name: str) -> None:
    """A link that leads nowhere, or a folder in the file's place, stops the run."""
    (tmp_path / name).symlink_to(tmp_path / "gone")
    with pytest.raises(CannotEvaluate, match=name):
        read_governance(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(CannotEvaluate, match=name):
        read_governance(tmp_path)


def test_approvals_without_approvers_count_for_nothing(tmp_path: Path) -> None:
    """Where nobody is listed, a signed file is refused and says so."""
    (tmp_path / "approvals" / "m" / "1").mkdir(parents=True)
    (tmp_path / "approvals" / "m" / "1" / "a.dsse.json").write_bytes(b"{}")
    found = read_governance(tmp_path)
    assert found.approvals == ()
    assert [item.place.file for item in found.refused] == [f"{tmp_path}/approvals/m/1/a.dsse.json"]
