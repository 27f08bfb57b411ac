# SPDX-License-Identifier: Apache-2.0
"""Keys in PEM: two kinds are taken, everything else is one clear line."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from contracts.errors import SettingInvalid
from policies.verdict.signing_keys import (
    PrivateKey,
    key_id,
    parse_private_key,
    parse_public_key,
    private_pem,
    public_pem,
    read_private_key,
    read_public_key,
    sign_bytes,
    signature_holds,
)

PKCS8 = serialization.PrivateFormat.PKCS8
PEM = serialization.Encoding.PEM


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())])
def test_a_key_survives_its_pem(key: PrivateKey, tmp_path: Path) -> None:
    """What is written reads back as the same key, and signs for it."""
    (tmp_path / "key.pem").write_text(private_pem(key))
    (tmp_path / "key.pub").write_text(public_pem(key.public_key()))
    private, public = read_private_key(tmp_path / "key.pem"), read_public_key(tmp_path / "key.pub")
    assert key_id(private.public_key()) == key_id(public) == key_id(key.public_key())
    assert signature_holds(public, sign_bytes(private, b"said"), b"said")
    assert not signature_holds(public, sign_bytes(private, b"said"), b"sAid")


def test_the_key_id_is_the_digest_of_the_der() -> None:
    """SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` prints."""
    public = ed25519.Ed25519PublicKey.from_public_bytes(bytes(range(32)))
    der = bytes.fromhex("302a300506032b6570032100") + bytes(range(32))
    assert key_id(public) == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())], ids=["rsa", "p384"]
)
def test_other_kinds_of_key_are_refused(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    """A key of another algorithm or curve is named as such, private and public."""
    private = key.private_bytes(PEM, PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(SettingInvalid, match=r"k\.pem is not an Ed25519 or EC P-256 key"):
        parse_private_key(private, "k.pem")
    with pytest.raises(SettingInvalid, match=r"k\.pub is not an Ed25519 or EC P-256 key"):
        parse_public_key(public, "k.pub")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """An encrypted key, a public key for a private one and the reverse, junk, and no file: one line each."""
    key = ed25519.Ed25519PrivateKey.generate()
    encrypted = key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(SettingInvalid, match="encrypted"):
        parse_private_key(encrypted, "k.pem")
    with pytest.raises(SettingInvalid, match="no private key"):
        parse_private_key(public_pem(key.public_key()).encode(), "k.pem")
    with pytest.raises(SettingInvalid, match="no public key"):
        parse_public_key(private_pem(key).encode(), "k.pub")
    with pytest.raises(SettingInvalid, match="no public key"):
        parse_public_key(b"\xff", "k.pub")
    with pytest.raises(SettingInvalid, match="cannot read"):
        read_private_key(tmp_path / "absent.pem")
