# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.fairness import (
    chosen_metric,
    demographic_parity,
    equal_opportunity,
    equalized_odds,
    figures_by_group,
    four_fifths,
    group_size,
    intersections,
    special_categories,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    figures_by_group,
    four_fifths,
    demographic_parity,
    equalized_odds,
    equal_opportunity,
    group_size,
    intersections,
    special_categories,
    chosen_metric,
)
