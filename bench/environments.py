# SPDX-License-Identifier: Apache-2.0
"""A virtual environment for each peer, made from its lock, kept beside other caches and found again by its digest.

Peers ask for versions that fit neither each other nor the product. One that cannot be installed is left out, and the
report says why.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.errors import BenchFailed
from contracts.errors import CountersignError

_LOCKS = Path(__file__).with_name("requirements")


def cache_folder() -> Path:
    """Where environments and the stores of a run live."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(home) / "countersign" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measured_in_scratch(name: str, measure: Callable[[Path], None]) -> int:
    """Run a benchmark in a folder on the disk of the cache, which is gone afterwards; its exit code.

    When it cannot be measured, that is 1, and why is on stderr.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=cache_folder()) as folder:
            measure(Path(folder))
    except CountersignError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, made now if need be. BenchFailed when it cannot be."""
    lock = _LOCKS / f"{peer}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:16]
    folder = cache_folder() / f"{peer}-{digest}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    print(f"bench: installing {peer} into {folder} (once)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], peer)
    uv = Path(sys.executable).with_name("uv")
    _run(
        [
            str(uv), "pip", "install", "--quiet", "--python", str(python),
            "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock),
        ],
        peer,
    )  # fmt: skip
    (folder / "complete").touch()
    return python


def _run(command: list[str], peer: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchFailed(f"{peer} could not be installed: {error}") from error
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise BenchFailed(f"{peer} could not be installed: {words[0]}")
