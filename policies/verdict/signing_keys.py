# SPDX-License-Identifier: Apache-2.0
"""Keys that sign verdicts and approvals: Ed25519 and EC P-256 in PEM, private as PKCS #8, public as SPKI.

A key is named by the SHA-256 of its DER SubjectPublicKeyInfo, so that the name needs no registry. Nothing here says
whom a key belongs to: that is for `governance/approvers.yaml`, or for whoever names the key on the command line.
"""

import hashlib
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from contracts.errors import SettingInvalid

PrivateKey: TypeAlias = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

_KINDS = "an Ed25519 or EC P-256 key"
_MAKE = "make one with `openssl genpkey -algorithm ed25519`"


def key_id(key: PublicKey) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, 64 hex digits."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def parse_private_key(pem: bytes, name: str) -> PrivateKey:
    """Read an unencrypted PKCS #8 key. ``name`` is what errors call it. Raises SettingInvalid."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise SettingInvalid(f"{name} is encrypted; give an unencrypted private key in PEM") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingInvalid(f"{name} is no private key in PEM; {_MAKE}") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise SettingInvalid(f"{name} is not {_KINDS}; {_MAKE}")


def parse_public_key(pem: bytes, name: str) -> PublicKey:
    """Read a SubjectPublicKeyInfo key. ``name`` is what errors call it. Raises SettingInvalid."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise SettingInvalid(
            f"{name} is no public key in PEM; write it from the private one with `openssl pkey -in KEY -pubout`"
        ) from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise SettingInvalid(f"{name} is not {_KINDS}")


def read_private_key(file: Path) -> PrivateKey:
    """Read the private key in a file. Raises SettingInvalid."""
    return parse_private_key(_read(file), str(file))


def read_public_key(file: Path) -> PublicKey:
    """Read the public key in a file. Raises SettingInvalid."""
    return parse_public_key(_read(file), str(file))


def public_pem(key: PublicKey) -> str:
    """The public key as SubjectPublicKeyInfo PEM."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def private_pem(key: PrivateKey) -> str:
    """The private key as unencrypted PKCS #8 PEM: to be written where only its owner reads."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode("ascii")


def sign_bytes(key: PrivateKey, message: bytes) -> bytes:
    """The raw Ed25519 signature, or the DER ECDSA signature over SHA-256, of a message."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def signature_holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether a signature is this key's over this message."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"cannot read {file}: {error.strerror or type(error).__name__}") from None
