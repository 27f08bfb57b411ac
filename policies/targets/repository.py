# SPDX-License-Identifier: Apache-2.0
"""The Git repository as a target: who changed what and when, code owners, workflows."""

import datetime as dt

from msgspec import Struct

from policies.targets.manifests import Manifest


class FileCommit(Struct, frozen=True, kw_only=True):
    """One commit that changed a file; author and committer are e-mail addresses, lower case."""

    sha: str
    author: str
    committer: str
    time: dt.datetime


class Owners(Struct, frozen=True):
    """One line of CODEOWNERS."""

    pattern: str
    owners: tuple[str, ...]
    line: int


class Repository(Struct, frozen=True, kw_only=True):
    """A repository at its checked-out commit. ``history`` maps paths relative to its root to commits, newest first."""

    name: str
    head: str
    dirty: tuple[str, ...]
    """Paths that differ from the commit or are not tracked."""
    history: dict[str, tuple[FileCommit, ...]]
    code_owners_file: str | None
    code_owners: tuple[Owners, ...]
    workflows: tuple[Manifest, ...]
