# SPDX-License-Identifier: Apache-2.0
"""The rules of this family, in the order of their numbers."""

from types import ModuleType
from typing import Final

from policies.rules.card import artifact_digest, change, identity, intended_use, limitations, schema, standards

MODULES: Final[tuple[ModuleType, ...]] = (
    schema,
    identity,
    artifact_digest,
    intended_use,
    limitations,
    change,
    standards,
)
