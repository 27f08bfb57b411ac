# SPDX-License-Identifier: Apache-2.0
"""tlog-proof files: round trips, every single-bit mutation, and spellings that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.errors import Malformed, NotIncluded, VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import leaf_hash
from audit_sidecar.tlog.proof import TlogProof, encode_proof, parse_proof, verify_proof
from tests.audit_sidecar.tlog.vectors import CHECKPOINT_NOTE, CHECKPOINT_TEXT, LOG_LINE, LOG_VKEY, ORIGIN

KEY = Verifier.from_text(LOG_VKEY)
LEAF = leaf_hash(bytes.fromhex("40414243"))  # leaf 5 of the certificate-transparency leaves
HASHES = tuple(
    bytes.fromhex(value)
    for value in (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    )
)
PROOF = TlogProof(5, HASHES, f"{CHECKPOINT_TEXT}\n{LOG_LINE}".encode())
TEXT = encode_proof(PROOF)


def test_a_proof_of_published_parts() -> None:
    """The published inclusion proof under the published checkpoint verifies, with a witness line or without."""
    assert verify_proof(parse_proof(TEXT), LEAF, [KEY]).origin == ORIGIN
    assert verify_proof(TlogProof(5, HASHES, CHECKPOINT_NOTE), LEAF, [KEY]).size == 7
    lines = TEXT.split(b"\n")
    assert lines[:2] == [b"c2sp.org/tlog-proof@v1", b"index 5"]
    assert lines[2] == b"vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms="
    assert lines[5:7] == [b"", ORIGIN.encode()]


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.none() | st.binary())
def test_proofs_round_trip(index: int, hashes: list[bytes], extra: bytes | None) -> None:
    """What is written is read back."""
    proof = TlogProof(index, tuple(hashes), CHECKPOINT_NOTE, extra)
    assert parse_proof(encode_proof(proof)) == proof


def test_every_bit_of_a_proof_counts() -> None:
    """No single-bit change of a proof verifies, and every refusal is a verification error."""
    for bit in range(8 * len(TEXT)):
        changed = bytearray(TEXT)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            verify_proof(parse_proof(bytes(changed)), LEAF, [KEY])


def test_another_leaf_is_not_included() -> None:
    """The proof holds for its leaf alone."""
    with pytest.raises(NotIncluded):
        verify_proof(PROOF, leaf_hash(b"another"), [KEY])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", TEXT.replace(b"index 5", b"index 05"), TEXT.replace(b"index 5", b"index 0256"),
        TEXT.replace(b"index 5", b"index +5"), TEXT.replace(b"index 5", b"index  5"),
        TEXT.replace(b"index 5", b"Index 5"), TEXT.replace(b"\n", b"\r\n"), TEXT.replace(b"index 5\n", b""),
        TEXT.replace(b"index 5\n", b"index 5\nindex 5\n"),
        TEXT.replace(b"@v1", b"@v2"), TEXT.replace(b"nms=", b"nmt="), TEXT.replace(b"nms=", b"nms"),
        TEXT.replace(b"nms=", b"nms=\v"), TEXT.replace(b"index 5\n", b"index 5\nAAAA\n"), TEXT + b"\n", TEXT[:-1],
        TEXT.replace(b"\n\n", b"\n\n\n", 1), TEXT.replace(b"\n\n", b"\n", 1), b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"index 5\n", b"extra AAA\nindex 5\n"), TEXT.replace(b"index 5\n", b"index 5\nextra AAAA\n"),
        TEXT.replace(b"index 5\n", b"extra AAAA\nextra AAAA\nindex 5\n"),
        TEXT.replace(b"index 5\n", b"extra\nindex 5\n"),
        TEXT.replace(b"index 5\n", b"index 5\n" + b"vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=\n" * 61),
    ],
)  # fmt: skip
def test_other_spellings_are_refused(data: bytes) -> None:
    """Leading zeros, carriage returns, stray bytes, missing and repeated lines are no proof."""
    with pytest.raises(Malformed):
        parse_proof(data)


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, (), CHECKPOINT_NOTE),
        TlogProof(2**63, (), CHECKPOINT_NOTE),
        TlogProof(0, (b"short",), CHECKPOINT_NOTE),
        TlogProof(0, (bytes(32),) * 64, CHECKPOINT_NOTE),
        TlogProof(0, (), b"no note"),
    ],
)
def test_an_impossible_proof_is_not_written(proof: TlogProof) -> None:
    """Values that could not be read back are refused."""
    with pytest.raises(Malformed):
        encode_proof(proof)
