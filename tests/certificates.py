# SPDX-License-Identifier: Apache-2.0
"""Certificates for 127.0.0.1 and localhost, made anew for a test."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate(NamedTuple):
    """Files of a server, and of the authority that vouches for it."""

    certificate: Path
    key: Path
    authority: Path


def make_certificate(folder: Path, name: str = "server") -> Certificate:
    """A certificate of an authority of its own; both are valid for a day around now."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    constraint = x509.BasicConstraints(ca=True, path_length=0)
    authority = (
        _builder(issuer, issuer, authority_key.public_key())
        .add_extension(constraint, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), issuer, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    found = Certificate(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-ca.pem")
    found.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    found.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(_key_pem(key, serialization.NoEncryption()))
    return found


def encrypt_key(certificate: Certificate, password: bytes) -> Path:
    """The same key under a password, in a file beside it."""
    key = serialization.load_pem_private_key(certificate.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    path = certificate.key.with_suffix(".encrypted")
    path.write_bytes(_key_pem(key, serialization.BestAvailableEncryption(password)))
    return path


def _key_pem(key: ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
