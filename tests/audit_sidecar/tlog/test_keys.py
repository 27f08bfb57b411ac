# SPDX-License-Identifier: Apache-2.0
"""Key texts: Go's forms, the key id that binds name and key, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import Signer, Verifier, generate_signer, read_verifiers
from tests.audit_sidecar.tlog.vectors import LOG_VKEY, ORIGIN, SEED, SPEC_VKEY, WITNESS_VKEY

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1)


def test_the_published_keys() -> None:
    """The specification's key and the one derived from a known seed are read and written unchanged."""
    assert Verifier.from_text(SPEC_VKEY).to_text() == SPEC_VKEY
    assert Verifier.from_text(SPEC_VKEY).key_id.hex() == "530d903a"
    assert Signer.from_seed(ORIGIN, SEED).verifier.to_text() == LOG_VKEY


@given(NAMES, st.binary(min_size=32, max_size=32))
def test_keys_round_trip(name: str, seed: bytes) -> None:
    """Private and verifier keys read back as themselves, and the pair belongs together."""
    signer = Signer.from_seed(name, seed)
    again = Signer.from_text(signer.to_text() + "\n")
    assert again.to_text() == signer.to_text()
    assert Verifier.from_text(signer.verifier.to_text()) == signer.verifier == again.verifier
    assert signer.verifier.accepts(b"message", again.sign(b"message"))


@pytest.mark.parametrize("vkey", [SPEC_VKEY, LOG_VKEY])
def test_every_bit_of_a_verifier_key_counts(vkey: str) -> None:
    """No single-bit change of a verifier key is a verifier key."""
    data = vkey.encode()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Malformed):
            read_verifiers(bytes(changed))


@pytest.mark.parametrize(
    "vkey",
    [
        "", "+", "a+b", SPEC_VKEY.upper(), SPEC_VKEY + "\n", " " + SPEC_VKEY, SPEC_VKEY + "=", SPEC_VKEY + "+AA==",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        SPEC_VKEY.replace("530d903a", "530d903b"), SPEC_VKEY.replace("530d903a", "0x530d903a"),
        SPEC_VKEY.replace("example.com/foo", "example.com/\u00a0foo"), SPEC_VKEY.replace("example", "\ud800"),
        WITNESS_VKEY,
    ],
)  # fmt: skip
def test_other_texts_are_no_verifier_key(vkey: str) -> None:
    """Wrong id, name, case, padding or key type is refused."""
    with pytest.raises(Malformed):
        Verifier.from_text(vkey)


def test_a_bad_private_key_is_refused_without_being_shown() -> None:
    """No part of a private key's secret appears in the refusal, its cause, or a representation."""
    text = Signer.from_seed(ORIGIN, SEED).to_text()
    secret = text.split("+", 4)[4]
    for wrong in (text[:-1], text + "A", text.replace("+05f4c4cd", "+05f4c4ce"), text.replace("PRIVATE", "PUBLIC")):
        with pytest.raises(Malformed) as caught:
            Signer.from_text(wrong)
        assert secret[:8] not in str(caught.value)
        assert caught.value.__cause__ is None
    assert secret[:8] not in repr(Signer.from_text(text))


def test_a_file_may_hold_several_keys() -> None:
    """One key per line, the last line feed optional; an empty file or line is refused."""
    expected = (Verifier.from_text(SPEC_VKEY), Verifier.from_text(LOG_VKEY))
    assert read_verifiers(f"{SPEC_VKEY}\n{LOG_VKEY}\n".encode()) == expected
    assert read_verifiers(f"{SPEC_VKEY}\n{LOG_VKEY}".encode()) == expected
    for wrong in ("", "\n", f"{SPEC_VKEY}\n\n{LOG_VKEY}\n", f"{SPEC_VKEY}\r\n"):
        with pytest.raises(Malformed):
            read_verifiers(wrong.encode())


def test_keys_of_the_wrong_length_are_refused() -> None:
    """An Ed25519 key or seed has 32 bytes."""
    with pytest.raises(Malformed):
        Verifier("example.com/a", bytes(31))
    with pytest.raises(Malformed):
        Signer.from_seed("example.com/a", bytes(33))


def test_generated_keys_differ() -> None:
    """A generated key is fresh and signs what its verifier accepts."""
    first, second = generate_signer("example.com/a"), generate_signer("example.com/a")
    assert first.verifier != second.verifier
    assert first.verifier.accepts(b"m", first.sign(b"m"))
    assert not second.verifier.accepts(b"m", first.sign(b"m"))
    assert not first.verifier.accepts(b"m", b"too short")
