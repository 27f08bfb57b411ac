# SPDX-License-Identifier: Apache-2.0
"""Destinations for tests: one that fails on purpose at a chosen call."""

from audit_sidecar.archive.destination import ArchiveAway, Destination


class Failing:
    """Passes everything on until the chosen call, which fails before or after it took effect."""

    def __init__(self, destination: Destination, fails_at: int, *, kept: bool) -> None:
        self._destination = destination
        self._left = fails_at
        self._kept = kept
        self.calls = 0

    def __str__(self) -> str:
        return str(self._destination)

    def require_lock(self) -> None:
        """Pass on."""
        self._destination.require_lock()

    def put_once(self, path: str, data: bytes, *, lock: bool) -> None:
        """Pass on, or fail."""
        if self._fails():
            if self._kept:
                self._destination.put_once(path, data, lock=lock)
            raise ArchiveAway("the line is cut")
        self._destination.put_once(path, data, lock=lock)

    def replace(self, path: str, data: bytes) -> None:
        """Pass on, or fail."""
        if self._fails():
            if self._kept:
                self._destination.replace(path, data)
            raise ArchiveAway("the line is cut")
        self._destination.replace(path, data)

    def first(self, path: str) -> bytes | None:
        """Pass on."""
        return self._destination.first(path)

    def newest(self, path: str) -> bytes | None:
        """Pass on."""
        return self._destination.newest(path)

    def names(self, prefix: str, after: str = "") -> list[str]:
        """Pass on."""
        return self._destination.names(prefix, after)

    def _fails(self) -> bool:
        self.calls += 1
        self._left -= 1
        return self._left == 0
