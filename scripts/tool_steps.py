# SPDX-License-Identifier: Apache-2.0
"""What making any outside tool is made of: where it is kept, what it is called, and single steps of making it.

A step shows what it does and raises ToolMissing when it fails.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tests" / "conformance" / "tools"
GO = {"CGO_ENABLED": "0"}


class ToolMissing(Exception):
    """A tool that could not be made or found; the message says what to do."""


class Tool(NamedTuple):
    """An outside tool: ``make`` puts its programs into an empty folder, with the help of ``needs``."""

    name: str
    version: str
    programs: tuple[str, ...]
    needs: tuple[str, ...]
    make: Callable[["Tool", Path], None]

    @property
    def folder(self) -> Path:
        """Where this version is kept."""
        return cache() / self.name / self.version


def cache() -> Path:
    """Where all of them are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "countersign" / "tools"


def digest(folder: Path) -> str:
    """Change whenever a file of the folder does."""
    hashed = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()[:12]


def wheel(requirement: str, sha256: str, folder: Path) -> Path:
    """Fetch a Python package as it was published, and no other."""
    (folder / "requirements.txt").write_text(f"{requirement} --hash=sha256:{sha256}\n")
    only = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    run([str(python()), "-m", "pip", "download", *only, "-r", "requirements.txt"], folder)
    (found,) = folder.glob("*.whl")
    return found


def member(archive: bytes, name: str) -> bytes:
    """One file of a compressed tar archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        content = opened.extractfile(name)
        if content is None:
            raise ToolMissing(f"the archive holds no file {name}")
        return content.read()


def python() -> Path:
    """A Python that has pip: the checkout's own, else the one that runs this."""
    own = ROOT / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def download(packages: Sequence[str], folder: Path) -> None:
    """Fetch Debian packages; a machine that never read the lists of packages reads them first, if it may."""
    fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "--quiet", *packages]
    try:
        run(fetch, folder)
    except ToolMissing:
        if os.geteuid() != 0:
            raise ToolMissing(
                f"{', '.join(packages)} cannot be fetched: run apt-get update as root, then make tools"
            ) from None
        run(["apt-get", "update", "--quiet"], folder)
        run(fetch, folder)


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None, output: int | None = None) -> None:
    """Run one step with its output shown; ToolMissing when it fails."""
    finished = subprocess.run(
        command, check=False, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output
    )
    if finished.returncode != 0:
        raise ToolMissing(f"exit code {finished.returncode} from: {' '.join(command)}")
