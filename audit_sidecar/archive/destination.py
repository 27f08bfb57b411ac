# SPDX-License-Identifier: Apache-2.0
"""Where an archive lies, as the archiver needs it: files that are written once, and one that is replaced.

A destination is not trusted to be what was written; whoever reads an archive verifies it.
"""

from typing import Protocol

from audit_sidecar.errors import Fatal, Pushback


class ArchiveAway(Pushback):
    """The archive cannot be reached or written now; what was to go there goes there later."""


class ArchiveDiffers(Fatal):
    """Something else lies where this log's file belongs: another log, a fork, or an archive that was written to."""


class Destination(Protocol):
    """A folder of immutable files, and ``checkpoint``. Every method raises ArchiveAway when it cannot be reached."""

    def __str__(self) -> str:
        """The place, for people."""

    def require_lock(self) -> None:
        """SettingInvalid unless it can keep final files from being removed, as far as its kind can."""

    def put_once(self, path: str, data: bytes, *, lock: bool) -> None:
        """Write a file that is never changed; durable on return. The same bytes again are fine.

        ``lock`` asks that nobody can remove it before its time, where the destination can do that. ArchiveDiffers when
        other bytes are there.
        """

    def replace(self, path: str, data: bytes) -> None:
        """Write a file that is replaced, whole; durable on return."""

    def first(self, path: str) -> bytes | None:
        """The bytes that were first written at the path, whatever was put over them; None when there never were any."""

    def newest(self, path: str) -> bytes | None:
        """The bytes that lie at the path now; None when there are none."""

    def names(self, prefix: str, after: str = "") -> list[str]:
        """Every path below a prefix that ends in a slash and behind ``after``, in order; hidden ones too."""
