# SPDX-License-Identifier: Apache-2.0
"""Keyed pseudonyms of subjects: the same person has the same pseudonym, and only a key holder can tell whose it is."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from contracts.errors import SettingInvalid

_DOMAIN: Final = b"countersign/subject/v1\n"
_KEY_BYTES: Final = 32
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class SubjectKey(NamedTuple):
    """One line of ``subject.key``: 32 secret bytes and the id that records name."""

    key_id: str
    secret: bytes

    def pseudonym(self, subject: str) -> str:
        """32 hex digits: the first 16 bytes of HMAC-SHA-256 over the id exactly as received."""
        return hmac.digest(self.secret, _DOMAIN + subject.encode(), "sha256")[:16].hex()

    def prepared(self) -> Callable[[str], str]:
        """`pseudonym` for many subjects: what does not depend on them is hashed once (RFC 2104 §4)."""
        block = self.secret.ljust(64, b"\0")
        inner, outer = hashlib.sha256(block.translate(_INNER) + _DOMAIN), hashlib.sha256(block.translate(_OUTER))

        def pseudonym(subject: str) -> str:
            within, around = inner.copy(), outer.copy()
            within.update(subject.encode())
            around.update(within.digest())
            return around.digest()[:16].hex()

        return pseudonym


def parse_subject_keys(text: str, source: str) -> tuple[SubjectKey, ...]:
    """Every key of a ``subject.key`` file, the current one first; SettingInvalid names file and line."""
    keys: list[SubjectKey] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        name, _, secret = line.strip().partition(" ")
        try:
            key = SubjectKey(name, base64.b64decode(secret, validate=True))
        except binascii.Error as error:
            raise SettingInvalid(f"{source}:{number}: the key is not base64") from error
        if _KEY_ID.fullmatch(name) is None or len(key.secret) != _KEY_BYTES:
            raise SettingInvalid(f"{source}:{number}: want '<key id> <base64 of {_KEY_BYTES} bytes>'")
        if any(key.key_id == other.key_id for other in keys):
            raise SettingInvalid(f"{source}:{number}: key id {name} occurs twice")
        keys.append(key)
    if not keys:
        raise SettingInvalid(f"{source}: holds no key; make one with 'countersign keygen'")
    return tuple(keys)


def load_subject_keys(path: Path) -> tuple[SubjectKey, ...]:
    """`parse_subject_keys` of a file; SettingInvalid when it cannot be read."""
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"cannot read subject key file {path}: {error}") from error
    return parse_subject_keys(text, str(path))
