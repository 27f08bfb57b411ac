# SPDX-License-Identifier: Apache-2.0
"""The commitment: domain, salt, payload, and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commitment import SALT_BYTES, commit, commit_framed, fresh_salt, fresh_salts
from tests.contracts.spans import raw


@given(raw(32), st.binary(max_size=60))
def test_the_commitment_is_the_published_formula(salt: bytes, payload: bytes) -> None:
    """SHA-256 over the domain line, the salt and the payload, in that order."""
    assert commit(salt, payload) == hashlib.sha256(b"countersign/commitment/v1\n" + salt + payload).digest()


@given(raw(32), st.binary(max_size=20), st.binary(max_size=60), st.binary(max_size=20))
def test_a_payload_in_pieces_has_the_same_commitment(salt: bytes, before: bytes, span: bytes, after: bytes) -> None:
    """Wherever it is cut."""
    assert commit_framed(salt, before, span, after) == commit(salt, before + span + after)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_has_one_length(length: int) -> None:
    """A byte moved between salt and payload would otherwise give the same commitment."""
    with pytest.raises(ValueError, match="32"):
        commit(bytes(length), b"")


def test_salts_are_fresh() -> None:
    """Never the same twice."""
    salts = {fresh_salt() for _ in range(100)} | set(fresh_salts(100)) | set(fresh_salts(1))
    assert len(salts) == 201
    assert fresh_salts(0) == []
    assert {len(salt) for salt in salts} == {SALT_BYTES}
