# SPDX-License-Identifier: Apache-2.0
"""How many bytes of exports may be in memory at once, over all listeners and senders of a process.

Bytes are counted before they are kept, and until their export is answered. Whoever finds no room is told to come again;
nobody waits for it, because a sender that waits holds a connection and nothing else is gained.
"""

from types import TracebackType
from typing import Final

from audit_sidecar.errors import Pushback

DEFAULT_BYTES: Final = 128 << 20


class NoRoom(Pushback):
    """As many bytes as may be are being received already."""


class TooSlow(Pushback):
    """An export that was not whole in time."""


class Room:
    """Counts bytes against a bound. Use on one event loop."""

    def __init__(self, size: int = DEFAULT_BYTES) -> None:
        self.size = size
        self.used = 0

    def hold(self) -> "Held":
        """The bytes of one export; a context manager that gives them back."""
        return Held(self)


class Held:
    """What one export takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0

    def take(self, size: int) -> None:
        """Take ``size`` bytes more, or NoRoom. An export that is alone always has room: its own limit bounds it."""
        alone = self._room.used == self._size
        if self._room.used + size > self._room.size and not alone:
            raise NoRoom(f"{self._room.used} of {self._room.size} bytes are being received already")
        self._room.used += size
        self._size += size

    def release(self) -> None:
        """Give everything back."""
        self._room.used -= self._size
        self._size = 0

    def __enter__(self) -> "Held":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
