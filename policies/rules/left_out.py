# SPDX-License-Identifier: Apache-2.0
"""What the gate does not ask, though it could be expected to, and why: `countersign check --list` says so.

An id that stands here is never given to another rule.
"""

from typing import Final, NamedTuple


class LeftOut(NamedTuple):
    """A rule that is not there."""

    id: str
    title: str
    reason: str


LEFT_OUT: Final[tuple[LeftOut, ...]] = ()
