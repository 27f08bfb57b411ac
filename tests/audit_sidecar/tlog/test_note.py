# SPDX-License-Identifier: Apache-2.0
"""Signed notes: the specification's example, round trips, mutations and the traps of parsing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.errors import BadSignature, Malformed, VerificationError
from audit_sidecar.tlog.keys import Signer, Verifier
from audit_sidecar.tlog.note import MAX_NOTE_BYTES, Signature, open_note, parse_note, sign_note
from tests.audit_sidecar.tlog.vectors import LOG_LINE, SEED, SPEC_NOTE, SPEC_VKEY, WITNESS_LINE

SPEC_KEY = Verifier.from_text(SPEC_VKEY)
SIGNERS = [Signer.from_seed(f"example.com/key-{n}", bytes([n]) * 32) for n in range(20)]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(n) for n in range(32) if n != 10]))


def test_the_example_of_the_specification() -> None:
    """The published note opens with the published key and not without it."""
    note = open_note(SPEC_NOTE, [SPEC_KEY])
    assert note.text == "This is an example message.\n"
    assert [signature.name for signature in note.verified] == ["example.com/foo"]
    for keys in ([], [SIGNERS[0].verifier]):
        with pytest.raises(BadSignature):
            open_note(SPEC_NOTE, keys)


@given(TEXTS, st.integers(1, 20))
def test_notes_round_trip(text: str, count: int) -> None:
    """Any text, blank lines and U+2028 included, comes back with all of up to twenty signatures."""
    signers = SIGNERS[:count]
    note = open_note(sign_note(text + "\n", signers), [signer.verifier for signer in signers])
    assert note.text == text + "\n"
    assert len(note.verified) == count
    assert note.unverified == ()


def test_every_bit_of_a_note_counts() -> None:
    """No single-bit change of a note with one signature opens."""
    for bit in range(8 * len(SPEC_NOTE)):
        changed = bytearray(SPEC_NOTE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            open_note(bytes(changed), [SPEC_KEY])


def test_unknown_signatures_are_carried() -> None:
    """Lines of keys that were not given, other key types included, are kept and prove nothing."""
    lines = (LOG_LINE + WITNESS_LINE).encode()
    note = open_note(SPEC_NOTE + lines, [SPEC_KEY])
    assert [len(signature.data) for signature in note.unverified] == [64, 72]
    again = sign_note("text\n", [SIGNERS[0]], others=note.unverified)
    assert again.endswith(lines)
    assert open_note(again, [SIGNERS[0].verifier]).unverified == note.unverified


def test_a_known_key_that_fails_refuses_the_note() -> None:
    """A false line under a given key refuses the note even beside a true one, in either order."""
    first, second = SIGNERS[:2]
    true_line, false_line = (
        sign_note(text, [key]).split(b"\n\n")[1] for text, key in (("a\n", first), ("b\n", second))
    )
    for lines in (true_line + false_line, false_line + true_line):
        with pytest.raises(BadSignature, match=r"example\.com/key-1"):
            open_note(b"a\n\n" + lines, [first.verifier, second.verifier])
        assert len(open_note(b"a\n\n" + lines, [first.verifier]).unverified) == 1


def test_a_note_splits_at_its_last_blank_line() -> None:
    """Text before the last blank line is signed text, whatever it looks like."""
    text = f"a\n\n{LOG_LINE}"
    note = sign_note(text, SIGNERS[:1])
    assert open_note(note, [SIGNERS[0].verifier]).text == text
    with pytest.raises(VerificationError):
        open_note(note + b"\n" + LOG_LINE.encode(), [SIGNERS[0].verifier])


@pytest.mark.parametrize(
    "note",
    [
        b"", b"\n", b"\n\n", b"a\n", b"a\n\n", SPEC_NOTE[:-1], SPEC_NOTE + b"\n", SPEC_NOTE + b"junk\n",
        SPEC_NOTE.replace(b"\n", b"\r\n"), SPEC_NOTE.replace(b"message", b"mess\tage"), b"\0" + SPEC_NOTE,
        SPEC_NOTE.replace("—".encode(), b"-"), SPEC_NOTE.replace(b"example message", b"\xff"),
        SPEC_NOTE.replace(b"foo U", b"foo  U"), SPEC_NOTE.replace(b"foo U", b"fo+o U"),
        SPEC_NOTE.replace(b"aQM=", b"aQN="), SPEC_NOTE.replace(b"aQM=", b"aQM"), SPEC_NOTE.replace(b"aQM=", b"aQM=="),
        "a\n\n— n AAAAAA==\n".encode(), "a\n\n—  AAAAAAA=\n".encode(), "a\n\n— n\n".encode(),
        b"a" * MAX_NOTE_BYTES + SPEC_NOTE, SPEC_NOTE + LOG_LINE.encode() * 100,
    ],
)  # fmt: skip
def test_other_bytes_are_no_note(note: bytes) -> None:
    """Line endings, control characters, stray base64, missing parts and excess are refused."""
    with pytest.raises(Malformed):
        parse_note(note)


@pytest.mark.parametrize("text", ["", "a", "a\r\n", "a\tb\n", "\ud800\n"])
def test_a_text_that_no_note_carries_is_not_signed(text: str) -> None:
    """Only text that opens again is signed."""
    with pytest.raises(Malformed):
        sign_note(text, SIGNERS[:1])


def test_a_note_needs_a_signature() -> None:
    """Without a signature, with a broken one, or with too many there is no note."""
    for others in (
        [],
        [Signature("n", b"abc", b"x")],
        [Signature("n", b"abcd", b"")],
        [Signature("n", b"abcd", b"x")] * 101,
    ):
        with pytest.raises(Malformed):
            sign_note("a\n", [], others)
    with pytest.raises(Malformed):
        sign_note("a" * MAX_NOTE_BYTES + "\n", SIGNERS[:1])


def test_the_same_key_given_twice_is_one_key() -> None:
    """Giving a key twice changes nothing."""
    signer = Signer.from_seed("example.com/a", SEED)
    assert len(open_note(sign_note("a\n", [signer]), [signer.verifier, signer.verifier]).verified) == 1
