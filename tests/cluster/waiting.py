# SPDX-License-Identifier: Apache-2.0
"""Waiting for what others do: by asking again until it is so, and never for longer than a bound."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_SECONDS: Final = 120.0
T = TypeVar("T")


def wait_for(what: str, read: Callable[[], T], wanted: Callable[[T], bool], patience: float = PATIENCE_SECONDS) -> T:
    """The first value that is wanted; when none is in time, what was read last is in the failure."""
    deadline = time.monotonic() + patience
    while not wanted(found := read()):
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {what}; it is: {found!r}"
        time.sleep(0.1)
    return found


def wait_until(what: str, holds: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
    """Until it holds."""
    wait_for(what, holds, bool, patience)
