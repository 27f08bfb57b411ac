# SPDX-License-Identifier: Apache-2.0
"""The salted commitment to a payload: proves what was recorded, and tells nothing once salt and payload are gone."""

import hashlib
import os
from typing import Final

SALT_BYTES: Final = 32
_DOMAIN: Final = b"countersign/commitment/v1\n"


def fresh_salt() -> bytes:
    """32 random bytes. Fresh per record: with a shared salt, low-entropy payloads could be guessed after erasure."""
    return os.urandom(SALT_BYTES)


def fresh_salts(count: int) -> list[bytes]:
    """As many of them, drawn at once."""
    drawn = os.urandom(SALT_BYTES * count)
    return [drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES)]


def commit(salt: bytes, payload: bytes) -> bytes:
    """SHA-256 over domain, 32-byte salt and payload; the fixed salt length keeps the parts apart."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(_DOMAIN + salt + payload).digest()


def commit_framed(salt: bytes, before: bytes, span: bytes, after: bytes) -> bytes:
    """`commit` of a payload in three pieces (`contracts.payload.Frame`); the salt must have its 32 bytes."""
    return hashlib.sha256(b"".join((_DOMAIN, salt, before, span, after))).digest()
