# SPDX-License-Identifier: Apache-2.0
"""What makes a store's index follow its log, for a store where a commit does not do so itself."""

from typing import NamedTuple, Protocol


class Lag(NamedTuple):
    """Commits and leaves that the index does not cover."""

    commits: int
    leaves: int


class Indexer(Protocol):
    """Writes the index of one log. Its methods are called from one thread at a time."""

    def catch_up(self, most: int = 16) -> Lag:
        """Index up to so many commits; what is still to do. AuditError when the store says no."""
