# SPDX-License-Identifier: Apache-2.0
"""DSSE envelopes: what was signed comes back, and nothing else does."""

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from policies.verdict.dsse import IN_TOTO, EnvelopeRefused, EnvelopeUnreadable, pae, sign, verify
from policies.verdict.signing_keys import PrivateKey, PublicKey, key_id

ED25519: Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256: Final = ec.derive_private_key(0x1234567, ec.SECP256R1())
STRANGER: Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
PAYLOAD: Final = b'{"_type":"https://in-toto.io/Statement/v1"}'

both = pytest.mark.parametrize("key", [ED25519, P256], ids=["ed25519", "p256"])


def trusted(*keys: PrivateKey) -> dict[str, PublicKey]:
    return {key_id(key.public_key()): key.public_key() for key in keys}


def changed(envelope: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(envelope)
    change(value)
    return json.dumps(value).encode()


def replaced(envelope: bytes, **members: str) -> bytes:
    return changed(envelope, lambda value: value.update(members))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def flips(data: bytes) -> list[bytes]:
    """Every single-bit mutation of ``data``."""
    return [
        bytes(byte ^ (1 << bit) if n == position else byte for n, byte in enumerate(data))
        for position in range(len(data))
        for bit in range(8)
    ]


def test_the_pre_authentication_encoding_is_the_one_that_dsse_publishes() -> None:
    """The vector of the DSSE v1 protocol document."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_in_the_encoding_are_of_bytes() -> None:
    """A type outside ASCII is counted in UTF-8 bytes, so that no two pairs share an encoding."""
    assert pae("é", b"") == "DSSEv1 2 é 0 ".encode()


@given(payload=st.binary(max_size=200), payload_type=st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_was_signed_comes_back(payload: bytes, payload_type: str) -> None:
    """Round trip over any payload and type, with both kinds of key in one envelope."""
    opened = verify(sign(payload_type, payload, ED25519, P256), trusted(ED25519, P256), payload_type, threshold=2)
    assert (opened.payload_type, opened.payload) == (payload_type, payload)
    assert opened.key_ids == tuple(trusted(ED25519, P256))


@both
def test_every_bit_of_the_payload_is_signed(key: PrivateKey) -> None:
    """No single-bit mutation of the payload verifies."""
    envelope = sign(IN_TOTO, PAYLOAD, key)
    for mutant in flips(PAYLOAD):
        forged = replaced(envelope, payload=encoded(mutant))
        with pytest.raises(EnvelopeRefused):
            verify(forged, trusted(key))


@both
def test_every_bit_of_the_type_is_signed(key: PrivateKey) -> None:
    """No single-bit mutation of the type verifies, even for who asks for the mutated type."""
    envelope = sign(IN_TOTO, PAYLOAD, key)
    for mutant in flips(IN_TOTO.encode()):
        name = mutant.decode("latin-1")
        forged = replaced(envelope, payloadType=name)
        with pytest.raises(EnvelopeRefused):
            verify(forged, trusted(key))
        with pytest.raises(EnvelopeRefused):
            verify(forged, trusted(key), name)


@both
def test_every_bit_of_the_signature_counts(key: PrivateKey) -> None:
    """No single-bit mutation of the signature verifies."""
    envelope = sign(IN_TOTO, PAYLOAD, key)
    signature = base64.b64decode(json.loads(envelope)["signatures"][0]["sig"])
    for mutant in flips(signature):
        signatures = [{"keyid": key_id(key.public_key()), "sig": encoded(mutant)}]
        forged = changed(envelope, partial(dict.update, signatures=signatures))
        with pytest.raises(EnvelopeRefused):
            verify(forged, trusted(key))


@both
def test_no_bit_of_the_envelope_changes_what_it_says(key: PrivateKey) -> None:
    """Any single-bit mutation of the file is refused, unreadable, or says the very same thing (an ignored member)."""
    envelope = sign(IN_TOTO, PAYLOAD, key)
    for mutant in flips(envelope):
        try:
            opened = verify(mutant, trusted(key))
        except (EnvelopeRefused, EnvelopeUnreadable):
            continue
        assert opened.payload == PAYLOAD
        assert json.loads(mutant) == json.loads(envelope)


def test_a_type_that_was_not_asked_for_is_refused() -> None:
    """A valid signature over another type of payload proves nothing here."""
    with pytest.raises(EnvelopeRefused, match="payload type"):
        verify(sign("text/plain", PAYLOAD, ED25519), trusted(ED25519))


def test_a_key_that_is_not_trusted_is_refused() -> None:
    """A sound signature by a stranger is refused."""
    with pytest.raises(EnvelopeRefused, match="not one of those trusted"):
        verify(sign(IN_TOTO, PAYLOAD, STRANGER), trusted(ED25519))


def test_a_key_under_another_keys_name_is_refused() -> None:
    """A table of keys that maps a name to another key opens nothing."""
    name = key_id(ED25519.public_key())
    with pytest.raises(EnvelopeRefused):
        verify(sign(IN_TOTO, PAYLOAD, ED25519), {name: STRANGER.public_key()})


def test_a_strangers_signature_beside_a_trusted_one_is_refused() -> None:
    """An extra signature is refused, whichever comes first."""
    for keys in ((ED25519, STRANGER), (STRANGER, ED25519)):
        with pytest.raises(EnvelopeRefused, match="not one of those trusted"):
            verify(sign(IN_TOTO, PAYLOAD, *keys), trusted(ED25519))


def test_one_key_counts_once() -> None:
    """Two signatures of one key are no two signers."""
    with pytest.raises(EnvelopeRefused, match="twice"):
        verify(sign(IN_TOTO, PAYLOAD, ED25519, ED25519), trusted(ED25519), threshold=2)


def test_fewer_signatures_than_the_threshold_are_refused() -> None:
    """No signature, or one of two, is too few; a threshold below one still asks for one."""
    with pytest.raises(EnvelopeRefused, match="1 of at least 2"):
        verify(sign(IN_TOTO, PAYLOAD, ED25519), trusted(ED25519, P256), threshold=2)
    with pytest.raises(EnvelopeRefused, match="0 of at least 1"):
        verify(sign(IN_TOTO, PAYLOAD), trusted(ED25519), threshold=0)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda value: value.pop("payload"), "payload"),
        (lambda value: value.update(payload=7), "payload"),
        (lambda value: value.update(payload="eyJ9=="), "canonical"),
        (lambda value: value.update(payload="e yJ9"), "base64"),
        (lambda value: value.update(payload="_-8="), "base64"),
        (lambda value: value.update(payload="é"), "base64"),
        (lambda value: value.pop("payloadType"), "payloadType"),
        (lambda value: value.pop("signatures"), "signatures"),
        (lambda value: value.update(signatures={}), "signatures"),
        (lambda value: value.update(signatures=["x"]), r"signatures\[0\]"),
        (lambda value: value["signatures"][0].pop("keyid"), "keyid"),
        (lambda value: value["signatures"][0].pop("sig"), "sig"),
        (lambda value: value["signatures"][0].update(sig="AA"), "base64"),
        (lambda value: value.update(signatures=value["signatures"] * 17), "at most 16"),
    ],
)
def test_what_is_no_envelope_is_unreadable(change: Callable[[dict[str, Any]], object], names: str) -> None:
    """A missing, mistyped or wrongly spelled member is named."""
    with pytest.raises(EnvelopeUnreadable, match=names):
        verify(changed(sign(IN_TOTO, PAYLOAD, ED25519), change), trusted(ED25519))


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff", b'{"payload":"","payload":""}', b"[" * 100_000])
def test_what_is_no_json_object_is_unreadable(text: bytes) -> None:
    """Never another exception, duplicate keys included."""
    with pytest.raises(EnvelopeUnreadable):
        verify(text, trusted(ED25519))


def test_an_envelope_has_a_bound() -> None:
    """A file too large is refused before it is parsed."""
    with pytest.raises(EnvelopeUnreadable, match="at most"):
        verify(b" " * ((4 << 20) + 1), trusted(ED25519))


def test_unknown_members_are_ignored() -> None:
    """As DSSE demands of consumers; what they say is never read."""
    envelope = changed(sign(IN_TOTO, PAYLOAD, ED25519), lambda value: value.update(extra=1))
    envelope = changed(envelope, lambda value: value["signatures"][0].update(cert="x"))
    assert verify(envelope, trusted(ED25519)).payload == PAYLOAD
