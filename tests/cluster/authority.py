# SPDX-License-Identifier: Apache-2.0
"""The cluster's certificate authority and the key that its service accounts' tokens are signed with; good for a day."""

import datetime as dt
import ipaddress
import json
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Identity(NamedTuple):
    """Somebody that the API server knows by a certificate: files."""

    certificate: Path
    key: Path
    kubeconfig: Path


class Authority:
    """Issues certificates into a folder; every API server and client of one cluster trusts it and no other."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir(parents=True)
        self._folder, self._url = folder, url
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _named("cluster authority")
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        made = _builder(self._name, self._name, self._key).add_extension(constraint, critical=True)
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        signing = ec.generate_private_key(ec.SECP256R1())
        self.token_key, self.token_public = folder / "tokens.key", folder / "tokens.pub"
        self.token_key.write_bytes(_private(signing))
        self.token_public.write_bytes(
            signing.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def identity(self, file: str, user: str, *groups: str, addresses: tuple[str, ...] = ()) -> Identity:
        """A certificate for clients and servers, and a kubeconfig that names it; made once for each file name."""
        found = Identity(*(self._folder / f"{file}.{ending}" for ending in ("crt", "key", "conf")))
        if not found.kubeconfig.exists():
            self._issue(found, _named(user, *groups), addresses)
            found.kubeconfig.write_text(json.dumps(self._kubeconfig(found, user)))
        return found

    def _issue(self, found: Identity, subject: x509.Name, addresses: tuple[str, ...]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = _builder(subject, self._name, key).add_extension(usage, critical=False)
        if addresses:
            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
            alternatives = x509.SubjectAlternativeName([*names, x509.DNSName("localhost")])
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        found.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        found.key.write_bytes(_private(key))

    def _kubeconfig(self, identity: Identity, user: str) -> object:
        cluster = {"server": self._url, "certificate-authority": str(self.certificate)}
        person = {"client-certificate": str(identity.certificate), "client-key": str(identity.key)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": user, "user": person}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": user}}],
            "current-context": "cluster",
        }


def _named(user: str, *groups: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
