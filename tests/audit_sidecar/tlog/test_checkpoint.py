# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: a published one, round trips, mutations, and whose signature counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, peek_checkpoint, sign_checkpoint
from audit_sidecar.tlog.errors import BadSignature, Malformed, VerificationError
from audit_sidecar.tlog.keys import Signer, Verifier
from audit_sidecar.tlog.merkle import EMPTY_ROOT
from audit_sidecar.tlog.note import sign_note
from tests.audit_sidecar.tlog.vectors import (
    CHECKPOINT_NOTE,
    CHECKPOINT_TEXT,
    LOG_LINE,
    LOG_VKEY,
    ORIGIN,
    SEED,
)

SIGNER = Signer.from_seed(ORIGIN, SEED)
KEY = Verifier.from_text(LOG_VKEY)
ROOT = "3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw="
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def test_the_published_checkpoint() -> None:
    """A known tree, seed and origin give the published note, which opens with its witness line carried."""
    checkpoint = open_checkpoint(CHECKPOINT_NOTE, [KEY], ORIGIN)
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 7)
    assert checkpoint.root.hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    assert sign_checkpoint(checkpoint, [SIGNER]) == f"{CHECKPOINT_TEXT}\n{LOG_LINE}".encode()
    assert peek_checkpoint(CHECKPOINT_NOTE) == checkpoint


@given(LINES, st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=3))
def test_checkpoints_round_trip(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    """What is written is read back, extension lines of other logs included."""
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.from_text(checkpoint.to_text()) == checkpoint


def test_every_bit_of_the_signed_text_counts() -> None:
    """No single-bit change of a checkpoint's text opens."""
    for bit in range(8 * len(CHECKPOINT_TEXT.encode())):
        changed = bytearray(CHECKPOINT_NOTE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            open_checkpoint(bytes(changed), [KEY])


@pytest.mark.parametrize(
    "size", ["07", "+7", " 7", "7 ", "1_0", "-1", "٣", "", "7.0", "0300", "0x7", str(2**63), "9" * 30]
)
def test_a_size_has_one_spelling(size: str) -> None:
    """Only canonical ASCII decimal up to 2**63 - 1 is a size."""
    with pytest.raises(Malformed):
        Checkpoint.from_text(f"{ORIGIN}\n{size}\n{ROOT}\n")


@pytest.mark.parametrize(
    "root", ["", ROOT[:-1], ROOT + "=", ROOT.replace("w=", "x="), "AAAA", "-" + ROOT[1:], " " + ROOT]
)
def test_a_root_has_one_spelling(root: str) -> None:
    """Only canonical padded base64 of 32 bytes is a root hash."""
    with pytest.raises(Malformed):
        Checkpoint.from_text(f"{ORIGIN}\n7\n{root}\n")


@pytest.mark.parametrize(
    "text", ["", "\n", f"{ORIGIN}\n7\n", f"{ORIGIN}\n7\n{ROOT}", f"\n7\n{ROOT}\n", f"{ORIGIN}\n7\n{ROOT}\n\n"]
)
def test_a_checkpoint_has_its_three_lines(text: str) -> None:
    """Missing, empty or cut-off lines are refused."""
    with pytest.raises(Malformed):
        Checkpoint.from_text(text)


def test_an_empty_log_has_the_empty_root() -> None:
    """Size 0 goes with the hash of nothing and with no other root."""
    assert Checkpoint.from_text(Checkpoint(ORIGIN, 0, EMPTY_ROOT).to_text()).size == 0
    with pytest.raises(Malformed):
        Checkpoint(ORIGIN, 0, bytes(32)).to_text()


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 7, bytes(32)),
        Checkpoint("a\nb", 7, bytes(32)),
        Checkpoint(ORIGIN, -1, bytes(32)),
        Checkpoint(ORIGIN, 2**63, bytes(32)),
        Checkpoint(ORIGIN, 7, bytes(31)),
        Checkpoint(ORIGIN, 7, bytes(32), ("",)),
    ],
)
def test_an_impossible_checkpoint_is_not_written(checkpoint: Checkpoint) -> None:
    """Values that could not be read back are refused."""
    with pytest.raises(Malformed):
        checkpoint.to_text()


def test_only_the_log_signs_for_its_origin() -> None:
    """A given key of another name, or another log's checkpoint, is refused although the signature is true."""
    other = Signer.from_seed("witness.example/w1", SEED)
    with pytest.raises(Malformed):
        sign_checkpoint(peek_checkpoint(CHECKPOINT_NOTE), [other])
    with pytest.raises(BadSignature):
        open_checkpoint(sign_note(CHECKPOINT_TEXT, [other]), [other.verifier, KEY])
    assert open_checkpoint(sign_note(CHECKPOINT_TEXT, [other, SIGNER]), [other.verifier, KEY]).size == 7
    with pytest.raises(BadSignature):
        open_checkpoint(CHECKPOINT_NOTE, [KEY], "audit.example.com/svc/pod-1")


def test_both_keys_of_a_rotation_sign() -> None:
    """While keys rotate, old and new key sign, and either alone opens the checkpoint."""
    new = Signer.from_seed(ORIGIN, bytes(32))
    note = sign_checkpoint(peek_checkpoint(CHECKPOINT_NOTE), [SIGNER, new])
    for keys in ([KEY], [new.verifier], [KEY, new.verifier]):
        assert open_checkpoint(note, keys, ORIGIN).size == 7
