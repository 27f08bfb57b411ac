# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.evidence import age, environment, files, thresholds_first

MODULES: Final[tuple[ModuleType, ...]] = (files, age, environment, thresholds_first)
