# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.privacy import automated_decision, prior_authorisation

MODULES: Final[tuple[ModuleType, ...]] = (automated_decision, prior_authorisation)
