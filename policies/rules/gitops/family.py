# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.gitops import (
    gate_hook,
    owned_policy,
    project_scope,
    revision,
    source_integrity,
    sync_options,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    project_scope,
    revision,
    gate_hook,
    source_integrity,
    owned_policy,
    sync_options,
)
