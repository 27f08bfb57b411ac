# SPDX-License-Identifier: Apache-2.0
"""Where fsck gets the bytes of a C2SP log from; readers are believed in nothing, so they check nothing.

The two ways of not getting bytes differ in meaning: a `MissingFile` is a fault of the log, `LogUnreadable` is not.
"""

from typing import Final, Protocol

from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.note import MAX_NOTE_BYTES
from audit_sidecar.tlog.tiles import MAX_ENTRY_SIZE, TILE_WIDTH
from contracts.errors import CountersignError

MAX_FILE_BYTES: Final = max(MAX_NOTE_BYTES, TILE_WIDTH * (2 + MAX_ENTRY_SIZE))
"""No file of a log is longer; what is read beyond it only shows that the file is too long."""


class MissingFile(VerificationError):
    """A file that a log of its size must have and does not have."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing")
        self.path = path


class LogUnreadable(CountersignError):
    """Bytes that could not be fetched, which says nothing about the log: no permission, no network, no log there."""


class LogReader(Protocol):
    """Gives the files of one log as they lie there: `MissingFile` for one that is not, `LogUnreadable` otherwise."""

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint note."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the tile of exactly this width."""

    def entries(self, index: int, width: int) -> bytes:
        """Return the entry bundle of exactly this width."""
