# SPDX-License-Identifier: Apache-2.0
"""Where a neighbour listens: ``http://host:port`` or ``unix:/path``."""

from typing import NamedTuple
from urllib.parse import urlsplit

from contracts.address import Address, parse_address
from contracts.errors import SettingInvalid


class Endpoint(NamedTuple):
    """An address to connect to; ``text`` is what the user wrote."""

    text: str
    address: Address

    @property
    def authority(self) -> str:
        """The value of a ``Host`` header."""
        return "localhost" if self.address.path is not None else str(self.address)


def parse_endpoint(text: str, setting: str) -> Endpoint:
    """Read an endpoint; SettingInvalid names the ``setting`` it came from."""
    try:
        if text.startswith("unix:"):
            return Endpoint(text, parse_address(text))
        parts = urlsplit(text)
        port = parts.port or 80
    except (ValueError, SettingInvalid) as error:
        raise SettingInvalid(f"{setting}: {error}") from error
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
        raise SettingInvalid(f"{setting}: want http://host:port or unix:/path, not {text!r}")
    return Endpoint(text, Address(parts.hostname, port))
