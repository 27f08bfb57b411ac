# SPDX-License-Identifier: Apache-2.0
"""TLS for every TCP listener, and for the clients of them: version 1.2 at least, one file each for chain, key and CA.

Unix sockets are never wrapped: who may connect is decided by their file mode.
"""

import ssl
from pathlib import Path
from typing import NamedTuple

from contracts.errors import SettingInvalid


class ServerTls(NamedTuple):
    """What listeners identify themselves with; the PEM bytes are what the context was made from."""

    context: ssl.SSLContext
    certificate: bytes
    key: bytes


def load_server_tls(certificate: str | None, key: str | None) -> ServerTls | None:
    """Read ``--tls-cert`` and ``--tls-key``, or None when neither is given.

    SettingInvalid, in one line, when only one is given, one cannot be read or parsed, or the two do not fit.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingInvalid("--tls-cert and --tls-key go together: name the certificate chain and its private key")
    read = ServerTls(_context(ssl.PROTOCOL_TLS_SERVER), _read(certificate, "--tls-cert"), _read(key, "--tls-key"))
    try:
        # No password: a server that asks for one on a terminal would hang where nobody sits.
        read.context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise SettingInvalid(f"--tls-key {key} is not the key of the certificate in {certificate}") from error
        raise SettingInvalid(
            f"--tls-cert {certificate} and --tls-key {key}: want a PEM chain, server first, and its unencrypted PEM key"
        ) from error
    return read


def client_tls(ca_file: str | None, setting: str) -> ssl.SSLContext:
    """A context that checks names, and accepts the system's authorities, or those in ``ca_file`` alone."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=_read(ca_file, setting).decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise SettingInvalid(f"{setting} {ca_file}: want PEM certificates of authorities") from error
    return context


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read(path: str, setting: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingInvalid(f"cannot read {setting} {path}: {error.strerror}") from error
