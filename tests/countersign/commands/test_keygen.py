# SPDX-License-Identifier: Apache-2.0
"""``countersign keygen``: three files that fit each other, private ones private, none ever replaced."""

import os
import stat
from pathlib import Path

import pytest

from audit_sidecar.tlog.keys import Signer, read_verifiers
from contracts.subject import load_subject_keys
from countersign.__main__ import main

FILES = ("log.key", "log.vkey", "subject.key")


def test_the_three_files_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Log key and verifier key are a pair under the origin, the subject key is readable; no secret is printed."""
    out = tmp_path / "new" / "keys"
    assert main(["keygen", "--origin", "log.example.com/prod", "--out", str(out)]) == 0
    signer = Signer.from_text((out / "log.key").read_text())
    assert read_verifiers((out / "log.vkey").read_bytes()) == (signer.verifier,)
    assert signer.verifier.name == "log.example.com/prod"
    (subject,) = load_subject_keys(out / "subject.key")
    assert len(subject.secret) == 32
    said = capsys.readouterr().out
    assert signer.verifier.to_text() in said
    assert (out / "log.key").read_text().strip() not in said
    assert (out / "subject.key").read_text().split()[1] not in said


def test_private_files_are_private(tmp_path: Path) -> None:
    """Under any umask the private files have mode 0600 at most."""
    before = os.umask(0)
    try:
        assert main(["keygen", "--origin", "log.example.com/prod", "--out", str(tmp_path)]) == 0
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in FILES}
    assert modes == {"log.key": 0o600, "log.vkey": 0o644, "subject.key": 0o600}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_replaced(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If one of the files exists, even as a dangling link, nothing is written at all."""
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    assert main(["keygen", "--origin", "log.example.com/prod", "--out", str(tmp_path)]) == 2
    assert "is not replaced" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("origin", ["", "with space", "with+plus", "line\nfeed", "x" * 256])
def test_an_origin_that_no_log_can_have_is_refused(tmp_path: Path, origin: str) -> None:
    """What could not be a key name, or not be sent in an acknowledgement, makes no files."""
    assert main(["keygen", "--origin", origin, "--out", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in the folder's place is one clear line."""
    (tmp_path / "file").write_text("")
    assert main(["keygen", "--origin", "log.example.com/prod", "--out", str(tmp_path / "file")]) == 2
    assert "cannot write keys" in capsys.readouterr().err


def test_keys_are_fresh(tmp_path: Path) -> None:
    """Two calls share nothing."""
    for name in ("a", "b"):
        assert main(["keygen", "--origin", "log.example.com/prod", "--out", str(tmp_path / name)]) == 0
    for name in FILES:
        assert (tmp_path / "a" / name).read_text() != (tmp_path / "b" / name).read_text()
