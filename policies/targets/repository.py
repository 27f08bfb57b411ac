# SPDX-License-Identifier: Apache-2.0
"""The Git repository as a target: who changed what and when, code owners, workflows.

`read_repository` needs the whole history: a shallow clone is unreadable, because in it one commit seems to have written
everything. Names in commits are what their authors claim; whether commits are signed is left to the platform.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from contracts.yaml_document import YamlInvalid, read_yaml
from policies.errors import TargetUnreadable
from policies.place import Place, split_place
from policies.targets.code_owners import PLACES, Owners, parse_code_owners
from policies.targets.git import ask
from policies.targets.manifest import Manifest

__all__ = ["FileCommit", "Owners", "Repository", "read_repository"]

GOVERNED: Final = (".github", "governance", "models", "policies", "CODEOWNERS", "docs/CODEOWNERS")
"""Whose history is read: what decides about a release, and what is released."""
WORKFLOWS: Final = ".github/workflows"


class FileCommit(Struct, frozen=True, kw_only=True):
    """One commit that changed a file; author and committer are e-mail addresses, lower case."""

    sha: str
    author: str
    committer: str
    time: dt.datetime


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


def read_repository(name: str) -> Repository:
    """Read the repository that a folder lies in; `.` by default. Raises TargetUnreadable, CannotEvaluate."""
    folder = Path(name or ".")
    if not folder.is_dir():
        raise TargetUnreadable(Place(name), "is not a folder; name a checkout")
    root = Path(ask(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    if ask(root, "rev-parse", "--is-shallow-repository").strip() != "false":
        raise TargetUnreadable(Place(name), "is a shallow clone; fetch the whole history (git fetch --unshallow)")
    owners_file = next((place for place in PLACES if (root / place).is_file()), None)
    return Repository(
        name=name or ".",
        head=ask(root, "rev-parse", "HEAD").strip(),
        dirty=tuple(_dirty(ask(root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"))),
        history=_history(ask(root, "log", "-z", "-c", "--name-only", "--no-renames", _FORMAT, "--", *GOVERNED)),
        code_owners_file=owners_file,
        code_owners=() if owners_file is None else parse_code_owners(_text(root / owners_file, owners_file)),
        workflows=tuple(_workflows(root)),
    )


_START: Final = "\x1e"
_FORMAT: Final = "--format=%x1e%H%x1f%ae%x1f%ce%x1f%cI"


def _history(log: str) -> dict[str, tuple[FileCommit, ...]]:
    """Commits by path. A merge counts for a file that it has otherwise than all its parents."""
    found: dict[str, list[FileCommit]] = {}
    for record in log.split(_START)[1:]:
        head, *paths = record.split("\0")
        sha, author, committer, time = head.strip("\n").split("\x1f")
        commit = FileCommit(
            sha=sha, author=author.lower(), committer=committer.lower(), time=dt.datetime.fromisoformat(time)
        )
        for path in paths:
            if path.strip("\n"):
                found.setdefault(path.strip("\n"), []).append(commit)
    return {path: tuple(commits) for path, commits in sorted(found.items())}


def _dirty(status: str) -> Iterator[str]:
    return (entry[3:] for entry in status.split("\0") if entry)


def _workflows(root: Path) -> Iterator[Manifest]:
    folder = root / WORKFLOWS
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else ():
        file = f"{WORKFLOWS}/{path.name}"
        try:
            document = read_yaml(_text(path, file).encode(), file)
        except YamlInvalid as error:
            raise TargetUnreadable(*split_place(str(error), file)) from None
        if not isinstance(document.value, dict):
            raise TargetUnreadable(Place(file), "is no workflow; a workflow is a mapping")
        yield Manifest(file=file, value=document.value, positions={**document.values, **document.keys})


def _text(path: Path, file: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetUnreadable(Place(file), f"cannot be read: {error}; restore it") from None
