# SPDX-License-Identifier: Apache-2.0
"""Addresses of neighbours, as people write them."""

import pytest

from contracts.endpoint import parse_endpoint
from contracts.errors import SettingInvalid


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("http://127.0.0.1:4318", "127.0.0.1:4318"),
        ("http://sidecar/", "sidecar:80"),
        ("http://[::1]:4318", "[::1]:4318"),
        ("https://sidecar", "sidecar:443"),
        ("unix:/run/evidence.sock", "localhost"),
    ],
)
def test_forms_that_are_understood(text: str, authority: str) -> None:
    """TCP by URL, unix sockets by path."""
    assert parse_endpoint(text, "--evidence").authority == authority


def test_only_https_is_encrypted() -> None:
    """The scheme decides, and nothing else does."""
    assert parse_endpoint("https://sidecar:4318", "--evidence").tls is not None
    assert parse_endpoint("http://sidecar:4318", "--evidence").tls is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sidecar:4318",
        "ftp://x",
        "https://",
        "https://x/v1",
        "http://",
        "http://x:99999",
        "http://x/v1/traces",
        "http://u@x",
        "unix:",
    ],
)
def test_anything_else_names_the_setting(text: str) -> None:
    """The message says which flag to mend."""
    with pytest.raises(SettingInvalid, match="--evidence"):
        parse_endpoint(text, "--evidence")
