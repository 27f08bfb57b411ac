# SPDX-License-Identifier: Apache-2.0
"""Witness policies: read strictly, and a quorum is what the policy says."""

import base64

import pytest

from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.policy import read_policy
from tests.witness import Witness

LOG = Signer.from_seed("log.example.com/prod", bytes(range(32))).verifier
KEYS = {name: Witness(f"{name}.example/w", LOG, bytes([number] * 32)).cosigner for number, name in enumerate("abc", 1)}
WITNESSES = "".join(f"witness {name} {key.to_text()} http://{name}.example/\n" for name, key in KEYS.items())


@pytest.mark.parametrize(
    ("rules", "enough", "too_few"),
    [
        ("quorum none\n", [(), ("a",)], []),
        ("quorum a\n", [("a",), ("a", "b")], [(), ("b", "c")]),
        ("group g any a b\nquorum g\n", [("a",), ("b",)], [(), ("c",)]),
        ("group g all a b c\nquorum g\n", [("a", "b", "c")], [("a", "b"), ()]),
        ("group g 2 a b c\nquorum g\n", [("a", "c"), ("b", "c")], [("a",), ()]),
        ("group g any a b\ngroup h all g c\nquorum h\n", [("a", "c"), ("b", "c")], [("a", "b"), ("c",)]),
    ],
)
def test_a_quorum_is_what_the_policy_says(
    rules: str, enough: list[tuple[str, ...]], too_few: list[tuple[str, ...]]
) -> None:
    """Groups nest; `any`, `all` and numbers mean what they say; none asks for nothing."""
    policy = read_policy(f"log {LOG.to_text()}\n# a comment\n\n{WITNESSES}{rules}".encode())
    assert policy.logs == (LOG,)
    assert [witness.cosigner for witness in policy.witnesses] == list(KEYS.values())
    assert all(policy.satisfied(names) for names in enough)
    assert not any(policy.satisfied(names) for names in too_few)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("", "no line 'quorum'"),
        ("quorum x\n", "line 4.*nowhere above"),
        ("quorum a\nquorum a\n", "line 5.*second"),
        ("group g 0 a\nquorum g\n", "line 4"),
        ("group g 3 a b\nquorum g\n", "line 4.*3 of 2"),
        ("group g 01 a\nquorum g\n", "line 4"),
        ("group g any a a\nquorum g\n", "line 4.*twice"),
        ("group g any x\nquorum g\n", "line 4.*nowhere"),
        ("group a any b\nquorum a\n", "line 4.*taken"),
        ("group none any b\nquorum none\n", "line 4.*taken"),
        (f"witness d {LOG.to_text()}\nquorum d\n", "line 4.*type 0x04"),
        ("quorum\n", "line 4.*no line of a witness policy"),
        ("Quorum a\n", "line 4"),
        ("quorum a b\n", "line 4"),
    ],
)
def test_anything_else_is_refused_by_its_line(rules: str, says: str) -> None:
    """A policy that is misread would let a quorum pass that is none."""
    with pytest.raises(Malformed, match=says):
        read_policy(f"{WITNESSES}{rules}".encode())


def cosigned(*names: str, mood: str = "") -> bytes:
    """A checkpoint with lines of these witnesses."""
    signer = Signer.from_seed("log.example.com/prod", bytes(range(32)))
    note = sign_checkpoint(Checkpoint(LOG.name, 3, bytes(32)), [signer])
    for number, name in enumerate("abc", 1):
        if name in names:
            witness = Witness(f"{name}.example/w", LOG, bytes([number] * 32))
            witness.mood = mood
            status, line = witness.answer(b"old 0\n\n" + note[: note.index(b"\n", note.rindex(b"log.example")) + 1])
            assert status == 200
            note += line
    return note


def test_a_note_needs_the_quorum_of_its_policy() -> None:
    """Who saw the checkpoint and when; too few are refused by name."""
    policy = read_policy(f"{WITNESSES}group g 2 a b c\nquorum g\n".encode())
    assert policy.require_quorum(cosigned("a", "c")) == dict.fromkeys("ac", 1_800_000_000)
    for names, says in (((), "no witness of the policy"), (("b",), "by b,")):
        with pytest.raises(BadSignature, match=f"{says}.*not the quorum 'g'"):
            policy.require_quorum(cosigned(*names))
    assert read_policy(f"{WITNESSES}quorum none\n".encode()).require_quorum(cosigned()) == {}


def test_a_line_that_is_not_the_witness_own_refuses_the_note() -> None:
    """Enough others do not make up for a forged line of a witness of the policy."""
    policy = read_policy(f"{WITNESSES}quorum none\n".encode())
    with pytest.raises(BadSignature, match=r"a\.example/w"):
        policy.require_quorum(cosigned("a", mood="forge"))


def test_no_flipped_bit_of_a_cosignature_passes() -> None:
    """Time and signature of the line are authenticated, every bit."""
    policy = read_policy(f"{WITNESSES}quorum a\n".encode())
    note = cosigned("a")
    head, _, encoded = note.rpartition(b" ")
    data = bytearray(base64.b64decode(encoded))
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSignature):
            policy.require_quorum(head + b" " + base64.b64encode(data) + b"\n")
        data[bit // 8] ^= 1 << bit % 8
    assert policy.require_quorum(note) == {"a": 1_800_000_000}
