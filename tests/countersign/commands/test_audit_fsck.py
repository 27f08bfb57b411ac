# SPDX-License-Identifier: Apache-2.0
"""``countersign audit fsck``: what it prints and its three exit codes."""

from pathlib import Path

import pytest

from contracts.receipt import encode_receipt
from countersign.__main__ import main
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER, EvidenceLog, record
from tests.witness import Witness

RECORDS = [record(0, "release"), *(record(number) for number in range(1, 9))]
VKEY = SIGNER.verifier.to_text()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return EvidenceLog(RECORDS).write(tmp_path / "log")


def test_a_sound_log_exits_0(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Origin, size, root and kinds are told, and that nothing was compared."""
    assert main(["audit", "fsck", str(log), "--key", VKEY]) == 0
    said = capsys.readouterr()
    assert f"log     {ORIGIN}\nsize    9\n" in said.out
    assert "leaves  8 prediction, 1 release\n" in said.out
    assert "--against" in said.out
    assert said.out.endswith("SOUND\n")
    assert said.err == ""  # progress is for terminals


def test_a_tampered_log_exits_1_and_names_the_leaf(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first bad leaf is in the verdict."""
    path = log / "tile/entries/000.p/9"
    path.write_bytes(path.read_bytes().replace(b'"seq":4,', b'"seq":5,'))
    assert main(["audit", "fsck", str(log), "--key", VKEY]) == 1
    assert capsys.readouterr().out.startswith("NOT SOUND: leaf 4: ")


def test_a_shortened_log_shows_against_a_receipt(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A receipt that somebody kept is enough to see that the log was cut short or rewritten."""
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(encode_receipt(EvidenceLog(RECORDS).receipt(3)))
    arguments = ["audit", "fsck", str(log), "--key", VKEY, "--against", str(receipt)]
    assert main(arguments) == 0
    assert "extends the checkpoint kept at size 9" in capsys.readouterr().out
    EvidenceLog(RECORDS[:8]).write(log)
    assert main(arguments) == 1
    assert "cut short" in capsys.readouterr().out
    EvidenceLog([*RECORDS[:8], record(77)]).write(log)
    assert main(arguments) == 1
    assert "rewritten" in capsys.readouterr().out


def test_the_unreadable_exits_2(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No log, no key or nothing to compare with is no verdict."""
    none = str(tmp_path / "none")
    for arguments in ([none, "--key", VKEY], [str(log), "--key", none], [str(log), "--key", VKEY, "--against", none]):
        assert main(["audit", "fsck", *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert none in said.err


def test_with_a_policy_the_checkpoint_needs_its_quorum(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the witness's line the log is not sound, with it the time is told; a policy that cannot be read is 2."""
    witness = Witness("w.example/1", SIGNER.verifier)
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {witness.cosigner.to_text()}\nquorum w\n")
    arguments = ["audit", "fsck", str(log), "--key", VKEY, "--witnesses", str(policy)]
    assert main(arguments) == 1
    assert "not the quorum 'w'" in capsys.readouterr().out
    note = (log / "checkpoint").read_bytes()
    (log / "checkpoint").write_bytes(note + witness.answer(b"old 0\n\n" + note)[1])
    assert main(arguments) == 0
    assert "cosigned by the witness w at 2027-01-15T08:00:00" in capsys.readouterr().out
    policy.write_text("quorum nobody\n")
    assert main(arguments) == 2
    assert "policy: line 1" in capsys.readouterr().err
