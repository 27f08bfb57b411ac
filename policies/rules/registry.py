# SPDX-License-Identifier: Apache-2.0
"""Every rule the product ships, named one by one: nothing registers itself, nothing is found by looking around."""

from types import ModuleType
from typing import Final

from policies.rules.approval import family as approval
from policies.rules.artifact import family as artifact
from policies.rules.card import family as card
from policies.rules.data import family as data
from policies.rules.evidence import family as evidence
from policies.rules.fairness import family as fairness
from policies.rules.gitops import family as gitops
from policies.rules.infrastructure import family as infrastructure
from policies.rules.kubernetes import family as kubernetes
from policies.rules.monitoring import family as monitoring
from policies.rules.operations import family as operations
from policies.rules.performance import family as performance
from policies.rules.privacy import family as privacy
from policies.rules.tier import family as tier
from policies.rules.waiver import family as waiver

MODULES: Final[tuple[ModuleType, ...]] = (
    *card.MODULES,
    *tier.MODULES,
    *approval.MODULES,
    *evidence.MODULES,
    *performance.MODULES,
    *fairness.MODULES,
    *data.MODULES,
    *privacy.MODULES,
    *artifact.MODULES,
    *monitoring.MODULES,
    *operations.MODULES,
    *kubernetes.MODULES,
    *gitops.MODULES,
    *infrastructure.MODULES,
    *waiver.MODULES,
)
