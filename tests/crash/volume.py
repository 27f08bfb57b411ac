# SPDX-License-Identifier: Apache-2.0
"""Small file systems, and how to fill one."""

import contextlib
import subprocess
from pathlib import Path


def mount(*words: str) -> bool:
    """Whether that could be mounted: it takes rights that a test may not have."""
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


def fill(volume: Path) -> Path:
    """Take all the space there is."""
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler
