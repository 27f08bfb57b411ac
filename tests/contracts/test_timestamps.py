# SPDX-License-Identifier: Apache-2.0
"""Times: nanoseconds and RFC 3339 text stand for each other exactly."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.timestamps import format_time, parse_time
from tests.contracts.spans import UINT64

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(UINT64)
def test_every_time_of_a_span_reads_back(nanoseconds: int) -> None:
    """Round trip over all unsigned 64-bit nanoseconds, to the year 2554."""
    text = format_time(nanoseconds)
    assert len(text) == 30
    assert parse_time(text) == nanoseconds


@given(UINT64)
def test_the_text_is_the_one_of_the_standard_library(nanoseconds: int) -> None:
    """datetime, which knows microseconds only, agrees as far as it goes."""
    moment = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    assert format_time(nanoseconds) == f"{moment:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds % 1000:03d}Z"


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1)),  # noqa: DTZ001  (the offset is drawn apart)
    st.integers(-1439, 1439),
)
def test_offsets_are_applied(naive: datetime, minutes: int) -> None:
    """A time with any offset is the instant that the standard library takes it for."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    wanted = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    assert parse_time(moment.isoformat()) == wanted


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01", 0),
        ("2026-03-01", 1_772_323_200_000_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:00.5z", 500_000_000),
        ("1970-01-01t01:00:00.000000001+01:00", 1),
        ("2100-02-28T23:59:59.123456789Z", 4_107_542_399_123_456_789),
    ],
)
def test_spellings_that_are_read(text: str, nanoseconds: int) -> None:
    """Dates are midnight UTC; RFC 3339 leaves case and the separator free."""
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-02-30", "2026-03-01T00:00:00", "2026-03-01T25:00:00Z", "2026-03-01T00:60:00Z",
        "2026-03-01T00:00:00.1234567890Z", "2026-03-01T00:00:00.Z", "2026-03-01T00:00:00+24:00", "1969-12-31",
        "1970-01-01T00:00:00+00:01", "1969-12-31T23:59:59.5Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
        "2026-3-1", "12026-03-01", "٢٠٢٦-03-01", "2026-03-01Z", "2026-03-01T00:00:00Z\n", "1772323200",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    """Neither other formats nor days that do not exist nor times before 1970."""
    with pytest.raises(ContractError):
        parse_time(text)


@given(st.text("0123456789-T:.Z+ ", max_size=32))
def test_reading_a_time_never_fails_otherwise(text: str) -> None:
    """Arbitrary text is a time from 1970 on, or refused."""
    with suppress(ContractError):
        assert parse_time(text) >= 0
