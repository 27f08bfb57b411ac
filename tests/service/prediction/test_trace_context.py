# SPDX-License-Identifier: Apache-2.0
"""W3C trace context becomes a link or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.otlp import SpanLink
from service.prediction.trace_context import read_link

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LINK = SpanLink(bytes.fromhex(TRACE), bytes.fromhex(SPAN))


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_flags_mean_nothing(flags: str) -> None:
    """A caller cannot opt out of evidence."""
    assert read_link(f"00-{TRACE}-{SPAN}-{flags}", None) == LINK


def test_later_versions_may_say_more() -> None:
    """W3C Trace Context: unknown versions are read as far as they are known."""
    assert read_link(f"01-{TRACE}-{SPAN}-01-what-ever", None) == LINK


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_malformed_ones_are_ignored(text: str | None) -> None:
    """Neither an error nor a link."""
    assert read_link(text, "a=b") is None


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("a=b", "a=b"),
        ("x" * 513, ""),
        ("\u00e9", ""),
        ("shop=jane@example.com", ""),
        ("id=8001015009087", ""),
        (None, ""),
    ],
)
def test_state_is_kept_within_its_bounds(state: str | None, kept: str) -> None:
    """At most 512 ASCII characters, and none of anybody's personal data."""
    found = read_link(f"00-{TRACE}-{SPAN}-01", state)
    assert found is not None
    assert found.trace_state == kept


@given(st.text(max_size=80))
def test_any_header_is_read_without_failing(text: str) -> None:
    """Whatever a caller sends."""
    assert read_link(text, text) is None or len(text) >= 55
