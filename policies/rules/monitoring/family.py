# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.monitoring import alerts, document_retention, drift_baseline, incidents, log_retention, plan

MODULES: Final[tuple[ModuleType, ...]] = (
    plan,
    drift_baseline,
    log_retention,
    document_retention,
    incidents,
    alerts,
)
