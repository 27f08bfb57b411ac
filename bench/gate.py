# SPDX-License-Identifier: Apache-2.0
"""How long the gate takes from the shell to its exit code, start of the interpreter included.

Both reference bundles are judged, every file hashed, approvals verified; figures are not computed again.
"""

import subprocess
import sys
import time
from typing import Final

from bench.errors import BenchFailed
from bench.process import ROOT

_REPEATS: Final = 9
_CHECK: Final = (
    "check", "models/telecom-churn/1.0.0", "models/telco-watson/1.0.0",
    "--profile", "dev", "--no-recomputation", "--as-of", "2026-11-23",
)  # fmt: skip


def check_ms() -> float:
    """Median milliseconds of one run. Raises BenchFailed when the bundles were not judged, or did not pass."""
    times: list[float] = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "countersign", *_CHECK], check=False, capture_output=True, cwd=ROOT
        )
        times.append((time.perf_counter() - start) * 1e3)
        if done.returncode != 0:
            raise BenchFailed(f"countersign check exited with {done.returncode}: {done.stderr.decode()[-500:]}")
    return sorted(times)[len(times) // 2]
