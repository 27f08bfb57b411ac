# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.waiver import in_force

MODULES: Final[tuple[ModuleType, ...]] = (in_force,)
