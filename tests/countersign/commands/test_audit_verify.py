# SPDX-License-Identifier: Apache-2.0
"""``countersign audit verify``: numbered steps and the three exit codes."""

import json
from pathlib import Path

import pytest

from contracts.receipt import encode_receipt, parse_receipt
from countersign.__main__ import main
from tests.audit_sidecar.evidence_log import SIGNER, EvidenceLog, record
from tests.witness import Witness

LOG = EvidenceLog([record(number) for number in range(5)])
VKEY = SIGNER.verifier.to_text()


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    path = tmp_path / "receipt.json"
    path.write_bytes(encode_receipt(LOG.receipt(2)))
    return path


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(LOG.answer(2)))
    return path


def test_a_verified_receipt_exits_0(receipt: Path, answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five numbered lines and the verdict; the key may be a line or a file."""
    assert main(["audit", "verify", str(receipt), "--key", VKEY, "--answer", str(answer)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2.", "3.", "4.", "5.", "VE"]
    assert all("  verified  " in line for line in lines[:5])
    key = receipt.with_name("log.vkey")
    key.write_text(f"{VKEY}\n")
    assert main(["audit", "verify", str(receipt), "--key", str(key)]) == 0
    assert capsys.readouterr().out.endswith("VERIFIED, except what was not shown: answer\n")


@pytest.mark.parametrize("customer", ["C-7", "C-8"])
def test_the_verdict_names_the_member_that_is_not_shown(
    receipt: Path, answer: Path, customer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receipt holds a pseudonym, so whose answer it is stays open, and the last line says so."""
    answer.write_text(json.dumps({**LOG.answer(2), "customer_id": customer}))
    assert main(["audit", "verify", str(receipt), "--key", VKEY, "--answer", str(answer)]) == 0
    assert capsys.readouterr().out.endswith("\nVERIFIED, except what was not shown: customer_id\n")


def test_a_changed_answer_exits_1(receipt: Path, answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refused step says what differs and the verdict is in words."""
    answer.write_text(json.dumps({**LOG.answer(2), "prediction": "retain"}))
    assert main(["audit", "verify", str(receipt), "--key", VKEY, "--answer", str(answer)]) == 1
    out = capsys.readouterr().out
    assert '5. answer      refused    the answer differs from the recorded one: $.prediction is "retain"' in out
    assert out.splitlines()[-1].startswith("REFUSED: the receipt is refused at step 5, answer")


def test_a_changed_receipt_exits_1(receipt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One changed digit of the proof is refused, not called unreadable."""
    receipt.write_bytes(receipt.read_bytes().replace(b"index 2", b"index 3"))
    assert main(["audit", "verify", str(receipt), "--key", VKEY]) == 1
    assert "3. inclusion   refused" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"{}", b"junk", b'{"leaf": 1, "proof": 2}'])
def test_what_is_no_receipt_exits_2(receipt: Path, damage: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not a receipt gives one line on stderr and no verdict."""
    receipt.write_bytes(damage)
    assert main(["audit", "verify", str(receipt), "--key", VKEY]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_missing_files_exit_2(receipt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A receipt, key or answer that cannot be read is named."""
    none = str(tmp_path / "none")
    for arguments in (
        [none, "--key", VKEY],
        [str(receipt), "--key", none],
        [str(receipt), "--key", VKEY, "--answer", none],
    ):
        assert main(["audit", "verify", *arguments]) == 2
        assert none in capsys.readouterr().err


def test_a_private_key_is_refused_as_verifier_key(receipt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who gives the private key is told so, without it being shown."""
    key = receipt.with_name("log.key")
    key.write_text(SIGNER.to_text())
    assert main(["audit", "verify", str(receipt), "--key", str(key)]) == 2
    said = capsys.readouterr().err
    assert "private key" in said
    assert SIGNER.to_text()[-20:] not in said


@pytest.mark.parametrize("key", ["a+b+c", VKEY[:-1], VKEY.replace("+", "+0", 1)])
def test_a_malformed_key_exits_2(receipt: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A key line that is no key is unreadable."""
    assert main(["audit", "verify", str(receipt), "--key", key]) == 2
    assert "--key" in capsys.readouterr().err


def test_with_a_policy_there_is_one_step_more(receipt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The quorum of the policy cosigned the receipt's checkpoint, or the receipt is refused at that step."""
    witness = Witness("w.example/1", SIGNER.verifier)
    policy = receipt.with_name("policy")
    policy.write_text(f"witness w {witness.cosigner.to_text()}\nquorum w\n")
    arguments = ["audit", "verify", str(receipt), "--key", VKEY, "--witnesses", str(policy)]
    assert main(arguments) == 1
    assert "step 6, witnesses" in capsys.readouterr().out
    known = parse_receipt(receipt.read_bytes())
    checkpoint = known.proof.encode().rpartition(b"\n\n")
    note = checkpoint[0][checkpoint[0].rindex(b"\n\n") + 2 :] + b"\n\n" + checkpoint[2]
    line = witness.answer(b"old 0\n\n" + note)[1].decode()
    receipt.write_bytes(encode_receipt(known._replace(proof=known.proof + line)))
    assert main(arguments) == 0
    assert "6. witnesses   verified   w at 2027-01-15T08:00:00" in capsys.readouterr().out
    policy.write_text("quorum none\n")
    assert main(arguments) == 0
    assert "not shown: answer, witnesses" in capsys.readouterr().out
