# SPDX-License-Identifier: Apache-2.0
"""What a rule may know besides its target: the date, the profile, the law, and the other targets of the same run."""

from datetime import date

from msgspec import Struct

from contracts.image import Image
from policies.governance.governance import Governance
from policies.law.law import LawPack
from policies.profiles import Profile
from policies.targets.argocd import ArgoCd
from policies.targets.bundle import BundleTarget
from policies.targets.infra import Infra
from policies.targets.manifests import Manifests
from policies.targets.repository import Repository


class Run(Struct, frozen=True, kw_only=True):
    """One evaluation. A target that was not named is None (or absent), and no rule that needs it is asked."""

    as_of: date
    profile: Profile
    law: LawPack
    governance: Governance
    bundles: tuple[BundleTarget, ...] = ()
    manifests: Manifests | None = None
    argocd: ArgoCd | None = None
    infra: Infra | None = None
    repository: Repository | None = None
    images: tuple[Image, ...] = ()
    """The images that were released; none where nobody named them."""
