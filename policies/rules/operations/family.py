# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.operations import (
    conformity,
    decommission,
    fundamental_rights,
    instructions,
    oversight,
    rollback,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    oversight,
    rollback,
    decommission,
    fundamental_rights,
    conformity,
    instructions,
)
