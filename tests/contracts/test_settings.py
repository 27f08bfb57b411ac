# SPDX-License-Identifier: Apache-2.0
"""Settings: file, then environment, then command line; mistakes are named."""

from pathlib import Path

import pytest
from msgspec import Struct, field

from contracts.errors import SettingInvalid
from contracts.settings import load_settings


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """A section."""

    deadline: float = 2.0
    url: str | None = None


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """A program's settings."""

    port: int = 8080
    public: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    listen: list[str] = field(default_factory=list)
    images: list[str] | None = None


def file(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


def test_defaults_hold_where_nothing_is_said() -> None:
    """An empty environment and no file."""
    assert load_settings(Example, {}) == Example()


def test_each_layer_overrides_the_one_before(tmp_path: Path) -> None:
    """TOML, then environment, then command line; None on the command line means not given."""
    config = file(tmp_path, "port = 1\n[evidence]\ndeadline = 1\nurl = 'a'\n")
    environment = {"COUNTERSIGN_PORT": "2", "COUNTERSIGN_EVIDENCE__DEADLINE": "2", "COUNTERSIGN_PUBLIC": "true"}
    found = load_settings(Example, environment, config, {"port": 3, "evidence.deadline": None})
    assert found == Example(3, True, Evidence(2.0, "a"))


def test_a_list_in_the_environment_is_separated_by_commas() -> None:
    """Whether it may be absent or not."""
    found = load_settings(Example, {"COUNTERSIGN_LISTEN": "unix:/a, 127.0.0.1:1", "COUNTERSIGN_IMAGES": "sha256:1"})
    assert found == Example(listen=["unix:/a", "127.0.0.1:1"], images=["sha256:1"])


def test_one_file_serves_both_programs(tmp_path: Path) -> None:
    """Each takes its own table; a file without such tables is one program's."""
    config = file(tmp_path, "[serve]\nport = 1\n[sidecar]\nport = 2\n")
    assert load_settings(Example, {}, config, section="serve").port == 1
    assert load_settings(Example, {}, config, section="sidecar").port == 2
    assert load_settings(Example, {}, file(tmp_path, "[serve]\nport = 1\n"), section="sidecar") == Example()
    assert load_settings(Example, {}, file(tmp_path, "port = 3\n"), section="serve").port == 3
    with pytest.raises(SettingInvalid, match="table"):
        load_settings(Example, {}, file(tmp_path, "serve = 3\n"), section="serve")


def test_other_programs_settings_are_passed_over() -> None:
    """One environment serves several programs."""
    environment = {"COUNTERSIGN_LOG__ORIGIN": "x", "COUNTERSIGN_REQUIRE_TOOLS": "1", "PORT": "x", "OTEL_X": "1"}
    assert load_settings(Example, environment) == Example()


@pytest.mark.parametrize(
    ("environment", "toml", "message"),
    [
        ({"COUNTERSIGN_PORT": "many"}, "", "setting port: expected int, got str"),
        ({"COUNTERSIGN_EVIDENCE__DEADLIN": "1"}, "", "there is no setting evidence.deadlin"),
        ({"COUNTERSIGN_PORT__X": "1"}, "port = 1", "not a section"),
        ({}, "prot = 1", "there is no setting prot"),
        ({}, "port =", "cannot read settings file"),
        ({}, "[evidence]\ndeadline = 'soon'", "setting evidence.deadline: expected float"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, environment: dict[str, str], toml: str, message: str) -> None:
    """Key and source, in one line."""
    with pytest.raises(SettingInvalid, match=message) as refusal:
        load_settings(Example, environment, file(tmp_path, toml))
    assert "\n" not in str(refusal.value).strip()


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A file that was asked for must be there."""
    with pytest.raises(SettingInvalid, match=r"none\.toml"):
        load_settings(Example, {}, tmp_path / "none.toml")
