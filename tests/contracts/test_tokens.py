# SPDX-License-Identifier: Apache-2.0
"""Token files: what they say is what holds, and what is malformed is refused by entry."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import SettingInvalid
from contracts.tokens import LOCAL, ROLES, TokenTable, load_tokens, token_hash

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HASH = token_hash("secret").hex()
ENTRY = f'[[token]]\nname = "a"\nroles = ["consumer"]\nsha256 = "{HASH}"\n'


def table(folder: Path, text: str) -> TokenTable:
    (folder / "tokens.toml").write_text(text)
    return load_tokens(folder / "tokens.toml")


@pytest.mark.parametrize("header", ["Bearer secret", "bearer secret", "BEARER  secret"])
def test_known_token_has_its_name_and_roles(tmp_path: Path, header: str) -> None:
    """The scheme's case does not matter (RFC 9110 §11.1)."""
    caller = table(tmp_path, ENTRY).authenticate(header, NOW)
    assert caller is not None
    assert (caller.name, caller.roles) == ("a", frozenset({"consumer"}))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "secret", "Basic secret", "Bearer Secret"])
def test_anything_else_is_nobody(tmp_path: Path, header: str | None) -> None:
    """Absent, another scheme, another token."""
    assert table(tmp_path, ENTRY).authenticate(header, NOW) is None


@given(st.text())
def test_guesses_are_nobody(header: str) -> None:
    """An empty table knows nobody, whatever is sent."""
    assert TokenTable({}).authenticate(header, NOW) is None


@pytest.mark.parametrize(
    ("expires", "known"), [("2026-01-02", True), ("2026-01-01", False), ("2025-12-31T23:00:00Z", False)]
)
def test_expiry_is_a_date_or_a_time(tmp_path: Path, expires: str, known: bool) -> None:
    """A token is good before the moment it expires, which without a zone is UTC."""
    found = table(tmp_path, f"{ENTRY}expires = {expires}\n").authenticate("Bearer secret", NOW)
    assert (found is not None) is known


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "cannot read"),
        ("other = 1\n" + ENTRY, "only"),
        ("token = 1", "only"),
        (ENTRY + "colour = 1\n", "token 1: takes"),
        (ENTRY.replace('"a"', '""'), "token 1: name"),
        (ENTRY.replace('"a"', '"a\\nb"'), "token 1: name"),
        (ENTRY.replace('["consumer"]', "[]"), "token 1: roles"),
        (ENTRY.replace("consumer", "root"), "token 1: roles"),
        (ENTRY.replace(HASH, HASH[:-1]), "token 1: sha256"),
        (ENTRY.replace(HASH, HASH.upper()), "token 1: sha256"),
        (ENTRY + 'expires = "2026-01-01"\n', "token 1: expires"),
        (ENTRY + ENTRY, "token 2: the same sha256"),
    ],
)
def test_malformed_file_is_refused_by_entry(tmp_path: Path, text: str, message: str) -> None:
    """One clear line; the file as a whole does not hold."""
    with pytest.raises(SettingInvalid, match=message):
        table(tmp_path, text)


def test_local_callers_hold_every_role() -> None:
    """Without tokens, on loopback."""
    assert LOCAL.roles == set(ROLES)
