# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.infrastructure import durable_stores, least_access, regions, tags

MODULES: Final[tuple[ModuleType, ...]] = (durable_stores, least_access, regions, tags)
