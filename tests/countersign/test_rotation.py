# SPDX-License-Identifier: Apache-2.0
"""Adding keys: the new one first, the old one kept, each file replaced whole or not at all."""

import stat
from pathlib import Path

import pytest

from audit_sidecar.log_keys import load_signers
from audit_sidecar.tlog.keys import Signer
from contracts.errors import SettingInvalid
from contracts.subject import load_subject_keys
from countersign import rotation
from countersign.__main__ import main
from countersign.commands.keygen import write_keys
from countersign.verifier_keys import load_verifiers


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder as keygen makes it."""
    write_keys("log.example.com/prod", tmp_path)
    return tmp_path


def test_a_log_key_is_added_in_front(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Private and public file stay a pair, the old keys stay behind the new, and no secret is printed."""
    (old,) = load_signers(keys / "log.key")
    assert main(["keygen", "--rotate-log", str(keys)]) == 0
    fresh, kept = load_signers(keys / "log.key")
    assert kept == old
    assert load_verifiers(str(keys / "log.vkey")) == (fresh.verifier, old.verifier)
    assert stat.S_IMODE((keys / "log.key").stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert isinstance(fresh, Signer)
    assert fresh.to_text().split("+", 4)[4] not in said
    assert fresh.verifier.to_text() in said
    assert "30 days" in said
    assert main(["keygen", "--rotate-log", str(keys)]) == 0
    assert [signer.verifier for signer in load_signers(keys / "log.key")[1:]] == [fresh.verifier, old.verifier]


def test_a_subject_key_is_added_in_front(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pseudonyms are made with the new one; the old one goes on finding."""
    (old,) = load_subject_keys(keys / "subject.key")
    assert main(["keygen", "--rotate-subject", str(keys)]) == 0
    fresh, kept = load_subject_keys(keys / "subject.key")
    assert kept == old
    assert fresh.key_id != old.key_id
    assert stat.S_IMODE((keys / "subject.key").stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert "retention" in said
    assert (keys / "subject.key").read_text().split()[1] not in said


def test_the_public_file_is_written_first(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that is cut off in between leaves a key that nobody signs with, never one that nobody can verify."""
    before = (keys / "log.key").read_bytes()
    replace = rotation._replace

    def cut_off(path: Path, mode: int, lines: list[str]) -> None:
        if path.name == "log.key":
            raise SettingInvalid("cut off")
        replace(path, mode, lines)

    monkeypatch.setattr(rotation, "_replace", cut_off)
    assert main(["keygen", "--rotate-log", str(keys)]) == 2
    assert (keys / "log.key").read_bytes() == before
    monkeypatch.undo()
    (keys / ".log.key.rotating").write_text("left behind")
    assert main(["keygen", "--rotate-log", str(keys)]) == 0
    signing = {signer.verifier for signer in load_signers(keys / "log.key")}
    assert signing < set(load_verifiers(str(keys / "log.vkey")))
    assert sorted(path.name for path in keys.iterdir()) == ["log.key", "log.vkey", "subject.key"]


def test_files_that_do_not_fit_are_refused(keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A public file without the key that signs would leave verifiers behind; nothing is changed."""
    write_keys("log.example.com/prod", tmp_path / "other")
    (keys / "log.vkey").write_bytes((tmp_path / "other" / "log.vkey").read_bytes())
    before = (keys / "log.key").read_bytes()
    assert main(["keygen", "--rotate-log", str(keys)]) == 2
    assert "add that line first" in capsys.readouterr().err
    assert (keys / "log.key").read_bytes() == before


@pytest.mark.parametrize("flag", ["--rotate-log", "--rotate-subject"])
def test_there_must_be_keys_to_rotate(tmp_path: Path, flag: str) -> None:
    """An empty folder stays empty."""
    assert main(["keygen", flag, str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--origin", "log.example.com/prod"], ["--rotate-log", "x", "--out", "y"]])
def test_out_goes_with_origin(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a command is refused before anything is written."""
    assert main(["keygen", *arguments]) == 2
    assert "--out" in capsys.readouterr().err
