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


LEFT_OUT: Final[tuple[LeftOut, ...]] = (
    LeftOut(
        "ART-002",
        "a signature of OpenSSF Model Signing verifies",
        "approvals and verdicts are DSSE signatures over the same digests already; a second signature of another "
        "format waits until someone who uses one asks",
    ),
    LeftOut(
        "ART-003",
        "a bill of materials of the model is there and has the same digests",
        "the gate writes the CycloneDX document itself, from the card and from the bytes that it hashed, so a "
        "comparison could never fail",
    ),
)
