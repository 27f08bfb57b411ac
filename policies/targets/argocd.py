# SPDX-License-Identifier: Apache-2.0
"""Argo CD's own objects (AppProject, Application, ApplicationSet, settings) as a target."""

from msgspec import Struct

from policies.targets.manifests import Manifest


class ArgoCd(Struct, frozen=True, kw_only=True):
    """Every object of a folder of Argo CD manifests."""

    name: str
    objects: tuple[Manifest, ...]
    digest: str

    def of(self, *kinds: str) -> tuple[Manifest, ...]:
        """The objects of these kinds, in order."""
        return tuple(item for item in self.objects if item.kind in kinds)
