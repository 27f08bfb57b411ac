# SPDX-License-Identifier: Apache-2.0
"""Cosignatures: the published vector, and nothing that differs from it by one bit."""

import base64

import pytest

from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.cosignature import Cosigner, cosigned_times, read_cosignatures
from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.note import Signature, parse_note
from tests.witness import Witness

ORIGIN = "log.example.com/prod"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
# The key that Go's transparency-dev/formats gives the seed 20..3f.
VKEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"


def cosigned() -> tuple[bytes, Witness]:
    """A checkpoint and the witness that cosigned it."""
    witness = Witness("witness.example/w1", LOG.verifier)
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, bytes(32)), [LOG])
    status, line = witness.answer(b"old 0\n\n" + note)
    assert status == 200
    return note + line, witness


def test_a_witness_key_is_read_as_go_writes_it() -> None:
    """The key of a known seed, made by other software, is the one we derive, and is written back alike."""
    _, witness = cosigned()
    assert Cosigner.from_text(VKEY) == witness.cosigner
    assert witness.cosigner.to_text() == VKEY


@pytest.mark.parametrize(
    "vkey", [LOG.verifier.to_text(), VKEY.replace("20324abe", "20324abf"), VKEY[:-4], "a+b", VKEY + "="]
)
def test_another_key_is_no_witness(vkey: str) -> None:
    """A log's key, a wrong key id or half a key is refused."""
    with pytest.raises(Malformed):
        Cosigner.from_text(vkey)


def test_a_cosignature_says_when() -> None:
    """The time is the witness's; a key that is not in the policy is passed over."""
    note, witness = cosigned()
    assert cosigned_times(note, (witness.cosigner,)) == {"witness.example/w1": 1_800_000_000}
    other = Witness("other.example/w", LOG.verifier, bytes(32))
    assert cosigned_times(note, (other.cosigner,)) == {}


def test_every_bit_of_a_cosignature_counts() -> None:
    """Time and signature are bound to the text: no single bit of them can change."""
    note, witness = cosigned()
    text, signatures = parse_note(note)
    data = signatures[-1].data
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        signature = Signature(witness.cosigner.name, witness.cosigner.key_id, bytes(changed))
        with pytest.raises(BadSignature):
            witness.cosigner.time_of(text, signature)
    with pytest.raises(BadSignature):
        witness.cosigner.time_of(text.replace("7", "8"), signatures[-1])


@pytest.mark.parametrize("body", [b"", b"\n", b"x\n", b"\xe2\x80\x94 a b c\n", b"\xff\n", base64.b64encode(b"x" * 76)])
def test_an_answer_that_is_no_signature_line_is_refused(body: bytes) -> None:
    """Whatever a web server says instead is not taken for a cosignature."""
    with pytest.raises(Malformed):
        read_cosignatures(body)
