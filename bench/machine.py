# SPDX-License-Identifier: Apache-2.0
"""What the figures depend on: processors, Python, kernel, file system, and how long a sync takes on it."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench.errors import BenchFailed

_SYNCS: Final = 300
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})


class Machine(NamedTuple):
    """Facts of one run; sync times are of ``fdatasync`` after a 4 KiB write, in milliseconds."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    file_system: str
    sync_ms: float
    sync_p99_ms: float
    load_before: float


def look(folder: Path) -> Machine:
    """Facts about this machine and the file system of ``folder``. BenchFailed where files live in memory."""
    kind = file_system(folder)
    if kind in IN_MEMORY:
        raise BenchFailed(f"{folder} is on {kind}: nothing is durable there; set XDG_CACHE_HOME to a folder on a disk")
    syncs = _sync_times(folder)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(pages / (1 << 30), 1),
        kernel=platform.release(),
        python=platform.python_version(),
        file_system=kind,
        sync_ms=round(statistics.median(syncs) * 1e3, 3),
        sync_p99_ms=round(syncs[len(syncs) * 99 // 100] * 1e3, 3),
        load_before=round(os.getloadavg()[0], 2),
    )


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on."""
    best, kind = "", "unknown"
    where = str(folder.resolve())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        prefix = mount.rstrip("/") + "/"
        if (where + "/").startswith(prefix) and len(prefix) >= len(best):
            best, kind = prefix, found
    return kind


def _sync_times(folder: Path) -> list[float]:
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for place in range(_SYNCS):
            os.pwrite(file.fileno(), b"\x5a" * 4096, place * 4096)
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return sorted(times)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
