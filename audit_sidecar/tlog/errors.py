# SPDX-License-Identifier: Apache-2.0
"""What a verifier of logs can refuse, each refusal with the evidence that shows it.

Every failure of this package is a `VerificationError`; callers choose exit codes and status codes.
"""

from contracts.errors import CountersignError


class VerificationError(CountersignError):
    """Bytes that do not prove what they claim to prove."""


class Malformed(VerificationError):
    """Bytes or values that break a published format, so nothing was verified."""


class BadSignature(VerificationError):
    """A note that no given key signed, or that a given key did not sign although it says so."""


class RootMismatch(VerificationError):
    """A tree whose recomputed root hash differs from the one that was signed."""

    def __init__(self, expected: bytes, computed: bytes) -> None:
        super().__init__(f"root hash differs: expected {expected.hex()}, computed {computed.hex()}")
        self.expected = expected
        self.computed = computed


class NotIncluded(VerificationError):
    """An inclusion proof that does not lead from the leaf to the root."""

    def __init__(self, index: int, size: int, reason: str) -> None:
        super().__init__(f"leaf {index} is not shown to be in the tree of size {size}: {reason}")
        self.index = index
        self.size = size


class Inconsistent(VerificationError):
    """Two trees, `(size, root hash)` each, of which the larger is not shown to extend the smaller."""

    def __init__(self, smaller: tuple[int, bytes], larger: tuple[int, bytes], reason: str) -> None:
        super().__init__(
            f"size {larger[0]} (root {larger[1].hex()}) is not shown to extend "
            f"size {smaller[0]} (root {smaller[1].hex()}): {reason}"
        )
        self.smaller = smaller
        self.larger = larger
