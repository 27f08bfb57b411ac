# SPDX-License-Identifier: Apache-2.0
"""One YAML object with the place of everything in it."""

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
        return str(self.mapping("metadata").get("name", ""))

    @property
    def namespace(self) -> str:
        """``metadata.namespace``, empty where the object goes wherever it is applied."""
        return str(self.mapping("metadata").get("namespace", ""))

    @property
    def labels(self) -> dict[str, Any]:
        """``metadata.labels``, empty where there are none."""
        return self.mapping("metadata", "labels")

    @property
    def annotations(self) -> dict[str, Any]:
        """``metadata.annotations``, empty where there are none."""
        return self.mapping("metadata", "annotations")

    def get(self, *path: str | int) -> Any:
        """The value at a path; None where there is none, whatever stands in its way."""
        value: Any = self.value
        for step in path:
            value = _step(value, step)
        return value

    def mapping(self, *path: str | int) -> dict[str, Any]:
        """The mapping at a path; empty where there is none."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def items(self, *path: str | int) -> list[Any]:
        """The list at a path; empty where there is none."""
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def at(self, *path: str | int) -> Place:
        """Where a value stands; for one that is missing, where its parent does."""
        while path and path not in self.positions:
            path = path[:-1]
        line, column = self.positions.get(path, (1, 1))
        return Place(self.file, line, column)


def _step(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None
