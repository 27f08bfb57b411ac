# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.tier import disclosure, exemption, high_risk, law_age, least_tier, prohibited, role

MODULES: Final[tuple[ModuleType, ...]] = (
    prohibited,
    high_risk,
    exemption,
    least_tier,
    role,
    disclosure,
    law_age,
)
