# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.data import (
    bias_examination,
    datasets,
    datasheet,
    lawful_basis,
    lineage,
    representativeness,
    retention,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    datasets,
    datasheet,
    lineage,
    bias_examination,
    representativeness,
    lawful_basis,
    retention,
)
