# SPDX-License-Identifier: Apache-2.0
"""How long the gate takes from the shell to its exit code, start of the interpreter included.

Both reference bundles are judged, every file hashed, approvals verified; once without computing figures again, once
with it: both artifacts run on their evaluation rows, and every interval is drawn anew.
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
    "--profile", "dev", "--as-of", "2026-11-23",
)  # fmt: skip


def check_ms() -> float:
    """Median milliseconds without computing again. Raises BenchFailed when the bundles were not judged, or failed."""
    return _median_ms("--no-recomputation")


def recomputation_ms() -> float:
    """Median milliseconds of the same with every figure computed again. Raises BenchFailed likewise."""
    return _median_ms()


def _median_ms(*more: str) -> float:
    times: list[float] = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "countersign", *_CHECK, *more], check=False, capture_output=True, cwd=ROOT
        )
        times.append((time.perf_counter() - start) * 1e3)
        if done.returncode != 0:
            raise BenchFailed(f"countersign check exited with {done.returncode}: {done.stderr.decode()[-500:]}")
    return sorted(times)[len(times) // 2]
