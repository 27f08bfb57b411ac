# SPDX-License-Identifier: Apache-2.0
"""Rendered Kubernetes objects as a target, with the place of everything in them.

`read_manifests` takes a folder of rendered files, or a chart, which the real helm renders first. Whether an object is
what its kind asks for is left to the rules, and to Kubernetes.
"""

from pathlib import Path

from msgspec import Struct

from contracts.errors import ContractError
from policies.errors import TargetUnreadable
from policies.place import Place
from policies.targets.chart import is_chart, render
from policies.targets.manifest import Manifest
from policies.targets.manifest_files import read_folder, refuse_twins
from policies.targets.manifests_digest import manifests_digest

__all__ = ["Manifest", "Manifests", "read_manifests"]


class Manifests(Struct, frozen=True, kw_only=True):
    """Every object of a rendering. ``digest`` is the manifests digest that a verdict binds."""

    name: str
    """The folder or chart as the user named it."""
    objects: tuple[Manifest, ...]
    digest: str

    def of(self, *kinds: str) -> tuple[Manifest, ...]:
        """The objects of these kinds, in order."""
        return tuple(item for item in self.objects if item.kind in kinds)


def read_manifests(name: str, helm: Path | None = None) -> Manifests:
    """Read ``FOLDER``, ``CHART`` or ``CHART:VALUES[,VALUES]``. Raises TargetUnreadable; CannotEvaluate without helm."""
    folder, _, values = (name, "", "") if Path(name).is_dir() else name.partition(":")
    root = Path(folder)
    if is_chart(root):
        objects = render(root, tuple(Path(file) for file in values.split(",") if file), helm)
    elif values:
        raise TargetUnreadable(Place(folder), "has no Chart.yaml, so values files mean nothing to it; name a chart")
    else:
        objects = read_folder(root, str(root))
    refuse_twins(objects)
    try:
        digest = manifests_digest(item.value for item in objects)
    except ContractError as error:
        raise TargetUnreadable(Place(folder), str(error)) from None
    return Manifests(name=name, objects=objects, digest=digest)
