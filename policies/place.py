# SPDX-License-Identifier: Apache-2.0
"""Where something stands, as an editor opens it."""

from msgspec import Struct


class Place(Struct, frozen=True, order=True):
    """A file as the user named it, and line and column from 1; a target without lines says 1:1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def split_place(message: str, file: str) -> tuple[Place, str]:
    """Take ``file:line:column: what`` apart; a message that is not of this form stands for the whole file."""
    parts = message.removeprefix(f"{file}:").split(":", 2)
    if len(parts) == 3 and parts[0].isdecimal() and parts[1].isdecimal():
        return Place(file, int(parts[0]), int(parts[1])), parts[2].strip()
    return Place(file), message
