# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms: keyed, stable, and keys that are read strictly."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import SettingInvalid
from contracts.subject import SubjectKey, load_subject_keys, parse_subject_keys

SECRET = base64.b64encode(b"x" * 32).decode()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(TEXT, st.binary(min_size=32, max_size=32))
def test_pseudonym_is_the_keyed_digest_of_the_contract(subject: str, secret: bytes) -> None:
    """First 16 bytes of HMAC-SHA-256 over the domain and the id exactly as received."""
    mac = hmac.new(secret, b"countersign/subject/v1\n" + subject.encode(), hashlib.sha256)
    assert SubjectKey("k", secret).pseudonym(subject) == mac.hexdigest()[:32]
    prepared = SubjectKey("k", secret).prepared()
    assert prepared("someone else") != prepared(subject) == prepared(subject) == mac.hexdigest()[:32]


@given(TEXT, TEXT)
def test_subjects_differ_and_keys_differ(first: str, second: str) -> None:
    """Equal ids have equal pseudonyms under one key, and none in common under two."""
    one, two = SubjectKey("1", b"1" * 32), SubjectKey("2", b"2" * 32)
    assert (one.pseudonym(first) == one.pseudonym(second)) == (first == second)
    assert one.pseudonym(first) != two.pseudonym(first)


def test_first_line_is_current() -> None:
    """Old lines stay for searching; blank lines mean nothing."""
    keys = parse_subject_keys(f"new {SECRET}\n\nold {SECRET}\n", "f")
    assert [key.key_id for key in keys] == ["new", "old"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no key"),
        (SECRET, "f:1"),
        (f"\nk {SECRET[:-4]}", "f:2"),
        ("k not-base64!", "f:1: the key is not base64"),
        (f"k/ {SECRET}", "f:1: want"),
        (f"k {SECRET}\nk {SECRET}", "f:2: key id k occurs twice"),
    ],
)
def test_malformed_file_names_its_line(text: str, message: str) -> None:
    """One clear message, never the key."""
    with pytest.raises(SettingInvalid, match=message) as refusal:
        parse_subject_keys(text, "f")
    assert SECRET not in str(refusal.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """And so is one that is not text."""
    with pytest.raises(SettingInvalid, match="none"):
        load_subject_keys(tmp_path / "none")
    (tmp_path / "bin").write_bytes(b"\xff")
    with pytest.raises(SettingInvalid, match="bin"):
        load_subject_keys(tmp_path / "bin")
