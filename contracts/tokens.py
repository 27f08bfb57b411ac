# SPDX-License-Identifier: Apache-2.0
"""Who may do what: bearer tokens and their roles, from ``tokens.toml``. Only hashes are stored."""

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from contracts.errors import SettingInvalid

ROLES: Final = ("consumer", "producer", "auditor", "operator")
"""Roles do not nest: an operator who also audits holds a token with both."""


class Caller(NamedTuple):
    """Whoever sent a request: the name that records carry, and the roles held."""

    name: str
    roles: frozenset[str]


RESERVED_NAMES: Final = frozenset({"local", "unix", "sidecar"})
"""Producers and callers that need no token. Whoever held a token of such a name could go on with their streams."""

LOCAL: Final = Caller("local", frozenset(ROLES))
"""Every loopback caller while no tokens are configured."""


class _Token(NamedTuple):
    caller: Caller
    expires: datetime | None


class TokenTable:
    """Maps a presented bearer token to its caller. Empty table: nobody; `None` instead of a table: `LOCAL`."""

    def __init__(self, tokens: Mapping[bytes, _Token]) -> None:
        self._tokens = tokens

    def authenticate(self, authorization: str | None, now: datetime) -> Caller | None:
        """The caller of an ``Authorization`` header value, or None when it is absent, unknown or expired."""
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            return None
        # Looked up by hash: the time a look-up takes tells nothing about the tokens themselves.
        token = self._tokens.get(token_hash(secret.strip()))
        if token is None or (token.expires is not None and token.expires <= now):
            return None
        return token.caller


def token_hash(secret: str) -> bytes:
    """SHA-256 of a token; tokens are random and long, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).digest()


def load_tokens(path: Path) -> TokenTable:
    """Read ``[[token]] name, roles, sha256, expires``; SettingInvalid names the entry that is wrong."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingInvalid(f"cannot read token file {path}: {error}") from error
    entries = document.get("token", [])
    if set(document) - {"token"} or not isinstance(entries, list):
        raise SettingInvalid(f"{path}: holds only [[token]] tables")
    found: dict[bytes, _Token] = {}
    for number, entry in enumerate(entries, start=1):
        digest, token = _parse_token(entry, f"{path}: token {number}")
        if digest in found:
            raise SettingInvalid(f"{path}: token {number}: the same sha256 occurs twice")
        found[digest] = token
    return TokenTable(found)


def _parse_token(entry: object, where: str) -> tuple[bytes, _Token]:
    if not isinstance(entry, dict) or set(entry) - {"name", "roles", "sha256", "expires"}:
        raise SettingInvalid(f"{where}: takes name, roles, sha256 and expires, nothing else")
    name, roles, digest = entry.get("name"), entry.get("roles"), entry.get("sha256")
    if not isinstance(name, str) or not 0 < len(name) <= 128 or not name.isprintable():
        raise SettingInvalid(f"{where}: name must be printable text of at most 128 characters")
    if name in RESERVED_NAMES:
        raise SettingInvalid(f"{where}: the name {name!r} is taken: records carry it for callers without a token")
    if not isinstance(roles, list) or not roles or any(role not in ROLES for role in roles):
        raise SettingInvalid(f"{where}: roles must be some of {', '.join(ROLES)}")
    if not isinstance(digest, str) or len(digest) != 64 or digest.strip("0123456789abcdef"):
        raise SettingInvalid(f"{where}: sha256 must be 64 lower-case hex digits")
    return bytes.fromhex(digest), _Token(Caller(name, frozenset(roles)), _expiry(entry.get("expires"), where))


def _expiry(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise SettingInvalid(f"{where}: expires must be a TOML date or time, without quotes")
