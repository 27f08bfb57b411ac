# SPDX-License-Identifier: Apache-2.0
"""Argo CD's own objects (AppProject, Application, ApplicationSet, settings) as a target."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from contracts.errors import ContractError
from policies.errors import TargetUnreadable
from policies.place import Place
from policies.targets.manifest import Manifest
from policies.targets.manifest_files import read_folder, refuse_twins
from policies.targets.manifests_digest import manifests_digest

GROUP: Final = "argoproj.io/"
SETTINGS: Final = frozenset({"argocd-cm", "argocd-cmd-params-cm", "argocd-rbac-cm"})


class ArgoCd(Struct, frozen=True, kw_only=True):
    """Every object of a folder of Argo CD manifests."""

    name: str
    objects: tuple[Manifest, ...]
    digest: str

    def of(self, *kinds: str) -> tuple[Manifest, ...]:
        """The objects of these kinds, in order."""
        return tuple(item for item in self.objects if item.kind in kinds)


def read_argocd(name: str) -> ArgoCd:
    """Read Argo CD's objects among those of a folder. Raises TargetUnreadable, also where there is none."""
    root = Path(name)
    objects = tuple(item for item in read_folder(root, str(root)) if _is_argocd(item))
    if not objects:
        raise TargetUnreadable(Place(name), "holds no object of Argo CD; name the folder of its projects")
    refuse_twins(objects)
    try:
        digest = manifests_digest(item.value for item in objects)
    except ContractError as error:
        raise TargetUnreadable(Place(name), str(error)) from None
    return ArgoCd(name=name, objects=objects, digest=digest)


def _is_argocd(item: Manifest) -> bool:
    return str(item.value["apiVersion"]).startswith(GROUP) or (item.kind == "ConfigMap" and item.name in SETTINGS)
