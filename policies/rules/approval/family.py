# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.approval import (
    approval_date,
    binding,
    four_eyes,
    next_review,
    two_approvers,
    validation_report,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    four_eyes,
    binding,
    two_approvers,
    approval_date,
    next_review,
    validation_report,
)
