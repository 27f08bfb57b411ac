# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers. ART-002 and ART-003 are left out (`rules/left_out`)."""

from types import ModuleType
from typing import Final

from policies.rules.artifact import file_format, upstream_models

MODULES: Final[tuple[ModuleType, ...]] = (file_format, upstream_models)
