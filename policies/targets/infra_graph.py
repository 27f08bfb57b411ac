# SPDX-License-Identifier: Apache-2.0
"""The resource graph as it passes between processes and lies in the cache: what was registered, and what was read."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct


class Registered(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One resource, with the file and line of the program that made it."""

    type: str
    name: str
    inputs: dict[str, Any]
    file: str
    line: int


class Graph(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of a program: every resource in order, and the SHA-256 of every file that the run read, by path."""

    resources: tuple[Registered, ...]
    files: dict[str, str]

    @property
    def unchanged(self) -> bool:
        """Whether every file that was read is there as it was."""
        return all(Path(name).is_file() and file_digest(Path(name)) == digest for name, digest in self.files.items())


def read_graph(file: Path) -> Graph | None:
    """A graph that was written earlier; None if it is not there or not whole."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Graph)
    except (OSError, msgspec.DecodeError):
        return None


def file_digest(path: Path) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
