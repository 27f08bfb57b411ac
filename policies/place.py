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
