# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON has one byte string per value, and JSON is read strictly."""

import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_digest, canonical_json, parse_json
from contracts.errors import ContractError

VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_canonical_json_reads_back_as_the_same_value(value: Any) -> None:
    """Round trip; and whatever spells the value otherwise becomes the same bytes."""
    text = canonical_json(value)
    assert parse_json(text) == value
    assert canonical_json(json.loads(json.dumps(value, indent=3))) == text
    assert text.isascii()
    assert canonical_digest(value) == hashlib.sha256(text).hexdigest()


@given(st.dictionaries(st.text(), st.integers(), max_size=6))
def test_the_order_of_members_does_not_matter(members: dict[str, int]) -> None:
    """Keys are sorted, so a dictionary filled in another order gives the same bytes."""
    assert canonical_json(dict(reversed(members.items()))) == canonical_json(members)


def test_canonical_json_by_example() -> None:
    """Sorted by code point, no spaces, ASCII escapes, as a person would write it by hand."""
    assert canonical_json({"b": [1, True], "a": "é\n", "B": {}}) == b'{"B":{},"a":"\\u00e9\\n","b":[1,true]}'


@pytest.mark.parametrize("value", [1.0, None, b"x", {1: 2}, {"a": [{"b": None}]}, {"a": (1, 0.5)}, {1}, object()])
def test_what_has_no_one_spelling_is_refused(value: object) -> None:
    """Floats, nulls, keys that are no text and foreign types have no canonical bytes."""
    with pytest.raises(ContractError):
        canonical_json(value)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"nul", b"{} {}", b"[1,]", b"{'a':1}", b"NaN", b"[Infinity]", b"-Infinity", b"\xff", b'"\x00"',
        b'{"a":1,"a":1}', b'[{"x":{"b":1,"c":2,"b":3}}]', b"[" * 200_000, b"9" * 5000, '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"), "", "\ufeff{}",
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused(text: bytes | str) -> None:
    """Anything that two parsers could read differently is a ContractError, and nothing else escapes."""
    with pytest.raises(ContractError):
        parse_json(text)


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_parsing_never_fails_otherwise(text: bytes | str) -> None:
    """Arbitrary input is read or refused."""
    with suppress(ContractError):
        parse_json(text)


def test_a_repeated_key_is_found_in_one_pass() -> None:
    """A sender cannot make the parser compare every key with every other: a large object is refused at once."""
    members = ",".join(f'"{number}":0' for number in range(200_000))
    with pytest.raises(ContractError, match="duplicate key '199999'"):
        parse_json(f'{{{members},"199999":0}}')
