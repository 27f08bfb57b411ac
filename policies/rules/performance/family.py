# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.performance import (
    appropriateness,
    calibration,
    interval_bounds,
    overlap,
    previous_version,
    recomputed_metrics,
    robustness,
    sample_size,
    security_assessment,
    thresholds,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    recomputed_metrics,
    thresholds,
    interval_bounds,
    sample_size,
    previous_version,
    calibration,
    robustness,
    security_assessment,
    appropriateness,
    overlap,
)
