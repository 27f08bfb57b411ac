# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: one byte string for one value, so that hashing it means something.

Keys sorted by code point, no spaces, ASCII only; strings, integers, booleans, lists and objects. Floats are refused:
two programs need not print the same float alike. Strings and integers are enough for RFC 8785 to give the same bytes.
"""

import hashlib
import json
from typing import Any, NoReturn

from contracts.errors import ContractError

_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical_json(value: object) -> bytes:
    """The canonical bytes of ``value``; ContractError for floats, nulls, non-string keys and unknown types."""
    _refuse_inexact(value, "$")
    return _ENCODER.encode(value).encode("ascii")


def canonical_digest(value: object) -> str:
    """SHA-256 of the canonical bytes, 64 hex digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def parse_json(text: bytes | str) -> Any:
    """Parse JSON strictly: duplicate keys, NaN and Infinity are ContractErrors, as is anything that is not JSON.

    Bytes are UTF-8 (RFC 8259 §8.1); Python's own parser would guess UTF-16 and UTF-32 too.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"not JSON: {error}") from error


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ContractError(f"duplicate key {name[:128]!r} in a JSON object")
        found[name] = value
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ContractError(f"{text} is not JSON")


def _refuse_inexact(value: object, path: str) -> None:
    if isinstance(value, str | int):  # bool is an int
        return
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise ContractError(f"canonical JSON takes string keys only, not {key!r} at {path}")
            _refuse_inexact(member, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for position, member in enumerate(value):
            _refuse_inexact(member, f"{path}[{position}]")
    else:
        raise ContractError(f"canonical JSON takes no {type(value).__name__} (at {path})")
