# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.kubernetes import (
    availability,
    bound_to_release,
    image_digest,
    network_policy,
    pod_security,
    references,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    image_digest,
    bound_to_release,
    pod_security,
    availability,
    network_policy,
    references,
)
