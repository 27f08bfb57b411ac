# SPDX-License-Identifier: Apache-2.0
"""Where a neighbour listens: ``http://host:port``, ``https://host:port`` or ``unix:/path``."""

import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from contracts.address import Address, parse_address
from contracts.errors import SettingInvalid
from contracts.tls import client_tls


class Endpoint(NamedTuple):
    """An address to connect to; ``text`` is what the user wrote. With ``tls`` the server must prove its name."""

    text: str
    address: Address
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        """The value of a ``Host`` header."""
        return "localhost" if self.address.path is not None else str(self.address)


def parse_endpoint(text: str, setting: str, ca_file: str | None = None) -> Endpoint:
    """Read an endpoint; SettingInvalid names the ``setting`` it came from. ``ca_file``: who vouches for https."""
    try:
        if text.startswith("unix:"):
            return Endpoint(text, parse_address(text))
        parts = urlsplit(text)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except (ValueError, SettingInvalid) as error:
        raise SettingInvalid(f"{setting}: {error}") from error
    known = parts.scheme in ("http", "https")
    if not known or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
        raise SettingInvalid(f"{setting}: want http://host:port, https://host:port or unix:/path, not {text!r}")
    tls = client_tls(ca_file, "--ca-file") if parts.scheme == "https" else None
    return Endpoint(text, Address(parts.hostname, port), tls)
