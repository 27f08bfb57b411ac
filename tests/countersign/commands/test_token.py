# SPDX-License-Identifier: Apache-2.0
"""`countersign token`: the secret is printed once, the hash is kept, and nothing that stood in the file is lost."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.errors import SettingInvalid
from contracts.tokens import load_tokens
from countersign.__main__ import main
from countersign.commands.token import make_token

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_token_opens_what_its_roles_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one line on stdout is the token; the file knows its hash, name and roles, and nobody else may read it."""
    path = tmp_path / "tokens.toml"
    words = ["token", "billing", "--role", "consumer", "--role", "auditor", "--tokens", str(path)]
    assert main(words) == 0
    secret = capsys.readouterr().out.strip()
    caller = load_tokens(path).authenticate(f"Bearer {secret}", NOW)
    assert caller is not None
    assert (caller.name, caller.roles) == ("billing", frozenset({"consumer", "auditor"}))
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_stood_in_the_file_stays(tmp_path: Path) -> None:
    """Comments, other tokens, and a second token of the same name, for rotation."""
    path = tmp_path / "tokens.toml"
    path.write_text("# ours")
    secrets = [make_token(path, "billing", ["consumer"]) for _ in range(3)]
    table = load_tokens(path)
    assert all(table.authenticate(f"Bearer {secret}", NOW) for secret in secrets)
    assert path.read_text().startswith("# ours\n")
    assert [found.name for found in tmp_path.iterdir()] == ["tokens.toml"]


@pytest.mark.parametrize("name", ['a "quoted" name', "back\\slash", "caf\u00e9", "\U0001f600"])
def test_any_printable_name_survives(tmp_path: Path, name: str) -> None:
    """Names are written so that TOML reads them back."""
    path = tmp_path / "tokens.toml"
    caller = load_tokens_of(path, make_token(path, name, ["producer"]))
    assert caller == name


def load_tokens_of(path: Path, secret: str) -> str | None:
    found = load_tokens(path).authenticate(f"Bearer {secret}", NOW)
    return None if found is None else found.name


def test_expiry(tmp_path: Path) -> None:
    """From the given moment on the token opens nothing."""
    path = tmp_path / "tokens.toml"
    secret = make_token(path, "billing", ["consumer"], NOW)
    table = load_tokens(path)
    assert table.authenticate(f"Bearer {secret}", NOW - timedelta(seconds=1)) is not None
    assert table.authenticate(f"Bearer {secret}", NOW) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "printable text"), ("x" * 129, "printable text"), ("two\nlines", "printable text"), ("local", "is taken")],
)
def test_bad_names_are_refused(tmp_path: Path, name: str, said: str) -> None:
    """And no file is made."""
    with pytest.raises(SettingInvalid, match=f"name .*{said}"):
        make_token(tmp_path / "tokens.toml", name, ["consumer"])
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_malformed_is_left_alone(tmp_path: Path) -> None:
    """A broken file is told of, not replaced."""
    path = tmp_path / "tokens.toml"
    path.write_text("nonsense")
    with pytest.raises(SettingInvalid, match="cannot read token file"):
        make_token(path, "billing", ["consumer"])
    assert path.read_text() == "nonsense"


def test_folder_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    assert main(["token", "x", "--role", "consumer", "--tokens", str(tmp_path / "no" / "tokens.toml")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("days", ["0", "-1", "40000"])
def test_days_out_of_range(tmp_path: Path, days: str) -> None:
    """A token cannot be born expired."""
    words = ["token", "x", "--role", "consumer", "--days", days, "--tokens", str(tmp_path / "t.toml")]
    assert main(words) == 2
