# SPDX-License-Identifier: Apache-2.0
"""Rendered Kubernetes objects as a target, with the place of everything in them."""

from typing import Any

from msgspec import Struct

from contracts.yaml_document import Path as ValuePath
from contracts.yaml_document import Position
from policies.place import Place


class Manifest(Struct, frozen=True, kw_only=True):
    """One object as rendered. ``positions`` gives line and column of each path in ``file``."""

    file: str
    value: dict[str, Any]
    positions: dict[ValuePath, Position]

    @property
    def kind(self) -> str:
        """Such as ``Deployment``."""
        return str(self.value.get("kind", ""))

    @property
    def name(self) -> str:
        """``metadata.name``, empty where there is none."""
        metadata = self.value.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""

    def at(self, *path: str | int) -> Place:
        """Where a value stands; for one that is missing, where its parent does."""
        while path and path not in self.positions:
            path = path[:-1]
        line, column = self.positions.get(path, (1, 1))
        return Place(self.file, line, column)


class Manifests(Struct, frozen=True, kw_only=True):
    """Every object of a rendering. ``digest`` is the manifests digest that a verdict binds."""

    name: str
    """The folder or chart as the user named it."""
    objects: tuple[Manifest, ...]
    digest: str

    def of(self, *kinds: str) -> tuple[Manifest, ...]:
        """The objects of these kinds, in order."""
        return tuple(item for item in self.objects if item.kind in kinds)
