# SPDX-License-Identifier: Apache-2.0
"""Bodies are read and inflated within bounds."""

import gzip
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.receive.body import TooLarge, inflate, read_body
from contracts.errors import ContractError


@given(st.binary(max_size=500), st.integers(0, 600))
def test_what_was_compressed_comes_back_within_the_limit(data: bytes, limit: int) -> None:
    """Round trip up to exactly the limit, TooLarge beyond."""
    if len(data) <= limit:
        assert inflate(gzip.compress(data), limit) == data
    else:
        with pytest.raises(TooLarge):
            inflate(gzip.compress(data), limit)


@given(st.binary(max_size=60))
def test_noise_is_refused(data: bytes) -> None:
    """Nothing but ContractError, for there is no gzip stream in it."""
    with pytest.raises(ContractError):
        inflate(data, 1000)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_stream_with_a_changed_byte_is_refused_or_the_same(data: bytes, at: int) -> None:
    """gzip's own checksum finds what its header does not leave free."""
    stream = bytearray(gzip.compress(data, mtime=0))
    stream[at % len(stream)] ^= 1
    try:
        found = inflate(bytes(stream), 1000)
    except ContractError:
        return
    assert found == data


async def test_reading_stops_at_the_limit() -> None:
    """The rest is never asked for, however long the sender goes on."""
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 10

    with pytest.raises(TooLarge):
        await read_body(chunks(), 45)
    assert asked == 5
