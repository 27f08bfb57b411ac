# SPDX-License-Identifier: Apache-2.0
"""UUIDv7 ids grow whatever the clock does, and their text has one spelling."""

import itertools
import os
import threading
import time
import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.identifiers import IdSource, is_uuid7, parse_uuid, uuid_text
from tests.contracts.spans import raw


@given(raw(16))
def test_the_text_of_an_id_reads_back(raw_id: bytes) -> None:
    """Round trip, with the standard library as witness."""
    assert uuid_text(raw_id) == str(uuid.UUID(bytes=raw_id))
    assert parse_uuid(uuid_text(raw_id)) == raw_id


@given(raw(16))
def test_version_and_variant_decide(raw_id: bytes) -> None:
    """A UUIDv7 is what the standard library calls version 7 of RFC 9562."""
    known = uuid.UUID(bytes=raw_id)
    assert is_uuid7(raw_id) is (known.variant == uuid.RFC_4122 and known.version == 7)


@pytest.mark.parametrize("raw_id", [b"", bytes(15), b"\x70" * 17])
def test_an_id_of_another_length_is_no_uuid7(raw_id: bytes) -> None:
    """Sixteen bytes or none."""
    assert not is_uuid7(raw_id)


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "0199A3F2-c000-7000-8000-00000000000a", "0199a3f2c000700080000000000000 0a",
        "{0199a3f2-c000-7000-8000-00000000000a}", "urn:uuid:0199a3f2-c000-7000-8000-00000000000a",
        "0199a3f2c00070008000000000000000a", "0199a3f2-c000-7000-8000-00000000000a\n",
        "٠199a3f2-c000-7000-8000-00000000000a",
    ],
)  # fmt: skip
def test_another_spelling_of_an_id_is_refused(text: str) -> None:
    """Lower case with hyphens, nothing before or after."""
    with pytest.raises(ContractError):
        parse_uuid(text)


@given(st.text(max_size=40))
def test_reading_an_id_never_fails_otherwise(text: str) -> None:
    """Arbitrary text is an id that reads back, or refused."""
    with suppress(ContractError):
        assert uuid_text(parse_uuid(text)) == text


def test_ids_grow_when_the_clock_stands_still_or_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Monotonic within a process: the clock repeats, goes back an hour and comes again."""
    now = 1_760_000_000_000_000_000
    hour = 3_600_000_000_000
    clock = iter([now] * 5000 + [now - hour] * 5000 + [now + 1_000_000] * 100)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    source = IdSource()
    made = [source.request_id() for _ in range(10_100)]
    assert all(earlier < later for earlier, later in itertools.pairwise(made))
    assert all(is_uuid7(found) for found in made)


@given(st.integers(0, (1 << 48) - 2), st.integers(0, 999_999))
def test_an_id_tells_its_millisecond_and_fraction(milliseconds: int, rest: int) -> None:
    """RFC 9562 §5.7 and §6.2 method 3: 48 bits of milliseconds, then 12 bits of their fraction."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: milliseconds * 1_000_000 + rest)
        made = IdSource().request_id()
    if (milliseconds, rest) != (0, 0):
        assert int.from_bytes(made[:6]) == milliseconds
        fraction = int.from_bytes(made[6:8]) & 0xFFF
        assert fraction <= rest * 4096 / 1_000_000 < fraction + 1 or (milliseconds == 0 and fraction == 1)


def test_an_id_is_of_now() -> None:
    """Whoever sorts by id sorts by time."""
    before = time.time_ns() // 1_000_000
    milliseconds = int.from_bytes(IdSource().request_id()[:6])
    assert before <= milliseconds <= time.time_ns() // 1_000_000


def test_threads_never_get_the_same_id() -> None:
    """One source serves all threads of a process."""
    source, made = IdSource(), list[bytes]()
    threads = [threading.Thread(target=lambda: made.extend(source.request_id() for _ in range(2000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_a_span_id_is_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP calls eight zero bytes invalid, however unlikely they are."""
    monkeypatch.setattr(os, "urandom", bytes)
    assert IdSource().span_id() == b"\x00" * 7 + b"\x01"
    monkeypatch.undo()
    assert len({IdSource().span_id() for _ in range(100)}) == 100
