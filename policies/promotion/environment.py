# SPDX-License-Identifier: Apache-2.0
"""The folder of one environment: ``rendered/`` for Argo CD and ``verdict/`` beside it, read whole and replaced whole.

Nothing in it is anybody's to edit. Between two renames there is an instant without the folder and never one with half
of it; whoever reads it as of a commit sees neither.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from policies.errors import CannotEvaluate

RENDERED: Final = "rendered"
VERDICT: Final = "verdict"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Files = dict[str, bytes]
"""Contents by path below the folder."""


class Environment(NamedTuple):
    """An environment by name, below the folder of all of them."""

    root: Path
    name: str

    @property
    def wish(self) -> Path:
        """What it is to run."""
        return self.root / f"{self.name}.yaml"

    @property
    def folder(self) -> Path:
        """What it runs."""
        return self.root / self.name


def environment(root: Path, name: str) -> Environment:
    """Name an environment. Raises CannotEvaluate."""
    if not _NAME.fullmatch(name):
        raise CannotEvaluate(f"{name!r} is no environment; its name is lower-case letters, digits and `-`")
    return Environment(root, name)


def read_files(folder: Path) -> Files:
    """Everything in a folder; nothing where there is none. Raises CannotEvaluate."""
    files: Files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise CannotEvaluate(f"{path} is no file; remove it, for nothing else is applied")
        if path.is_file():
            try:
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
            except OSError as error:
                raise CannotEvaluate(f"cannot read {path}: {error.strerror}") from None
    return files


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """What differs, by path: ``+`` is new, ``-`` is gone, ``~`` is another."""
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            yield f"{'+' if path not in before else '-' if path not in after else '~'} {path}"


def replace(place: Environment, files: Mapping[str, bytes]) -> None:
    """Have the folder hold these files and no others. Raises CannotEvaluate, and then it is as it was."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.root))
        try:
            write_files(scratch / "new", files)
            _exchange(place.folder, scratch / "new", scratch / "old")
        finally:
            shutil.rmtree(scratch)
    except OSError as error:
        raise CannotEvaluate(f"cannot write {place.folder}: {error.strerror or error}") from None


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a new folder. Raises OSError."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _exchange(folder: Path, new: Path, old: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
