# SPDX-License-Identifier: Apache-2.0
"""The receipt verifier: what it accepts, and that it refuses every changed bit, foreign claim and missing part."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.verification import ReceiptRefused, verify_receipt
from contracts.errors import ContractError
from contracts.receipt import Receipt, encode_receipt, parse_receipt
from contracts.verification_step import Outcome
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER, EvidenceLog, record

LOG = EvidenceLog([record(0, "release"), record(1), record(2), record(3, "heartbeat"), record(4)])
KEYS = [SIGNER.verifier]
RECEIPT = LOG.receipt(2)
ROOT = Path(__file__).parents[2]


def outcomes(receipt: Receipt, answer: bytes | None = None) -> list[Outcome]:
    return [step.outcome for step in verify_receipt(receipt, KEYS, answer)]


def refused_steps(receipt: Receipt, answer: bytes | None = None) -> list[str]:
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(receipt, KEYS, answer)
    return [step.title for step in caught.value.steps if step.outcome is Outcome.REFUSED]


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_receipt_and_its_answer_verify() -> None:
    """All five steps hold, numbered from one, and the member that no record holds is named as not shown."""
    steps = verify_receipt(parse_receipt(encode_receipt(RECEIPT)), KEYS, json.dumps(LOG.answer(2)).encode())
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert {step.outcome for step in steps} == {Outcome.VERIFIED}
    assert "'customer_id'" in steps[4].detail


def test_what_was_not_given_is_not_called_verified() -> None:
    """Without an answer, or without salt and payload, the steps that need them say so and the others hold."""
    shown, not_shown = Outcome.VERIFIED, Outcome.NOT_SHOWN
    assert outcomes(RECEIPT) == [shown, shown, shown, shown, not_shown]
    assert outcomes(LOG.receipt(2, closed=True)) == [shown, not_shown, shown, shown, not_shown]


@pytest.mark.parametrize("index", range(5))
def test_every_kind_of_record_verifies(index: int) -> None:
    """A receipt of a record other than a prediction verifies alike."""
    assert outcomes(LOG.receipt(index))[:4] == [Outcome.VERIFIED] * 4


def test_every_bit_of_leaf_and_salt_counts() -> None:
    """No single-bit change of the leaf or of the salt verifies."""
    for bit in range(8 * len(RECEIPT.leaf)):
        assert "inclusion" in refused_steps(RECEIPT._replace(leaf=flip(RECEIPT.leaf, bit)))
    assert RECEIPT.salt is not None
    for bit in range(256):
        assert refused_steps(RECEIPT._replace(salt=flip(RECEIPT.salt, bit))) == ["commitment"]


def test_every_bit_of_the_payload_counts() -> None:
    """No single-bit change of the payload verifies, and none escapes as another error."""
    assert RECEIPT.payload is not None
    for bit in range(8 * len(RECEIPT.payload)):
        assert "commitment" in refused_steps(RECEIPT._replace(payload=flip(RECEIPT.payload, bit)))


def test_every_bit_of_the_proof_counts() -> None:
    """No single-bit change of the proof text verifies."""
    data = RECEIPT.proof.encode()
    for bit in range(8 * len(data)):
        changed = flip(data, bit).decode("utf-8", "surrogateescape")
        assert refused_steps(RECEIPT._replace(proof=changed))


def test_every_bit_of_the_receipt_file_counts() -> None:
    """A changed receipt file is refused or unreadable, unless the change leaves every member as it was."""
    data = encode_receipt(RECEIPT)
    for bit in range(0, 8 * len(data), 13):  # the tests above change every bit of every member; this one the spelling
        try:
            receipt = parse_receipt(flip(data, bit))
        except ContractError:
            continue
        if receipt != RECEIPT:  # equal after a change of white space alone
            assert refused_steps(receipt)


def test_a_leaf_that_misreports_its_payload_is_refused() -> None:
    """A log that writes another kind into the leaf than the payload says is caught by the first step alone."""
    kept, other = record(2), record(1)
    forged = EvidenceLog([record(0), record(1), kept]).receipt(2)
    assert refused_steps(forged._replace(payload=other.payload, salt=other.salt)) == ["leaf", "commitment"]
    renamed = kept.leaf.replace(b'"prediction"', b'"heartbeat"')
    lying = EvidenceLog([record(0), record(1), type(kept)(renamed, kept.salt, kept.payload)])
    assert refused_steps(lying.receipt(2)) == ["leaf"]
    shifted = kept.leaf.replace(b'"seq":2', b'"seq":3')
    lying = EvidenceLog([record(0), record(1), type(kept)(shifted, kept.salt, kept.payload)])
    assert refused_steps(lying.receipt(2)) == ["leaf"]


def test_only_the_key_of_the_log_signs() -> None:
    """Another key under the log's name, no key, or a true signature by another name is refused at step four."""
    stranger = Signer.from_seed(ORIGIN, bytes(32)).verifier
    for keys in ([stranger], [], [Signer.from_seed("log.example.com/other", bytes(range(32))).verifier]):
        with pytest.raises(ReceiptRefused, match="step 4, signature"):
            verify_receipt(RECEIPT, keys)


def test_a_proof_of_another_record_is_refused() -> None:
    """A proof shows its own leaf only."""
    assert refused_steps(RECEIPT._replace(proof=LOG.receipt(1).proof)) == ["inclusion"]


def test_a_lone_surrogate_is_refused_like_any_other_text() -> None:
    """JSON can spell text that no file holds; it is a refusal, not a crash."""
    assert refused_steps(RECEIPT._replace(proof=RECEIPT.proof + "\ud800")) == ["inclusion", "signature"]


def test_an_answer_needs_an_open_receipt_of_a_prediction() -> None:
    """What cannot be compared is not let through: closed receipts, other kinds, and a stranger's spans."""
    answer = json.dumps(LOG.answer(2)).encode()
    assert refused_steps(LOG.receipt(2, closed=True), answer) == ["answer"]
    assert refused_steps(LOG.receipt(3), json.dumps(LOG.answer(3)).encode()) == ["answer"]
    foreign = EvidenceLog([record(0), record(1), record(2, leaf_kind="span")])
    assert outcomes(foreign.receipt(2))[:4] == [Outcome.VERIFIED] * 4
    assert refused_steps(foreign.receipt(2), json.dumps(foreign.answer(2)).encode()) == ["answer"]


def test_refusals_are_verification_errors_that_name_the_step() -> None:
    """A caller that expects one kind of error gets it, with every step."""
    with pytest.raises(VerificationError, match="step 3, inclusion"):
        verify_receipt(RECEIPT._replace(leaf=RECEIPT.leaf.replace(b'"seq":2', b'"seq":3'), payload=None), KEYS)


def test_verifying_needs_no_third_party_package_but_cryptography(tmp_path: Path) -> None:
    """The whole command runs where any other third-party import fails."""
    (tmp_path / "receipt.json").write_bytes(encode_receipt(RECEIPT))
    (tmp_path / "answer.json").write_text(json.dumps(LOG.answer(2)))
    (tmp_path / "log.vkey").write_text(SIGNER.verifier.to_text() + "\n")
    program = """
import sys
OWN = {"contracts", "audit_sidecar", "countersign", "cryptography", "_cffi_backend"}  # the last is cryptography's own
class Refuse:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in OWN and first not in sys.stdlib_module_names:
            raise ImportError(f"{name} is third-party")
sys.meta_path.insert(0, Refuse())
try:
    import msgspec
except ImportError:
    pass
else:
    sys.exit("the finder refuses nothing")
from countersign.__main__ import main
sys.exit(main(["audit", "verify", "receipt.json", "--key", "log.vkey", "--answer", "answer.json"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    assert done.returncode == 0
    assert done.stdout.endswith("VERIFIED, except what was not shown: customer_id\n")
