# SPDX-License-Identifier: Apache-2.0
"""Digests as they stand in manifests, and which of them are the digest of nothing."""

import hashlib
import re
from typing import Any, Final

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_EMPTY: Final = hashlib.sha256().hexdigest()
_RUN: Final = "0123456789abcdef" * 4


def digest_of(value: Any) -> str | None:
    """The 64 hex digits behind ``sha256:``; None for anything else."""
    match = _DIGEST.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


def is_filler(digest: str) -> bool:
    """Whether nobody's bytes have this digest, or only no bytes: a pattern repeated, or the digest of nothing."""
    repeated = any(digest == digest[:length] * (64 // length) for length in (1, 2, 4, 8, 16))
    return repeated or digest in (_EMPTY, _RUN)
