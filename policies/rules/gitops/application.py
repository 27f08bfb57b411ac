# SPDX-License-Identifier: Apache-2.0
"""Applications as Argo CD will make them: those that are written out, and the templates of ApplicationSets."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from contracts.yaml_document import Path
from policies.place import Place
from policies.targets.argocd import ArgoCd
from policies.targets.manifest import Manifest


class Template(NamedTuple):
    """One application's spec, and where it stands."""

    owner: Manifest
    path: Path

    @property
    def title(self) -> str:
        """The object it is part of, as people name it."""
        return f"{self.owner.kind} {self.owner.name}"

    @property
    def annotations(self) -> dict[str, Any]:
        """The annotations of the application itself."""
        return self.owner.mapping(*self.path[:-1], "metadata", "annotations")

    def get(self, *path: str | int) -> Any:
        """A value of the spec."""
        return self.owner.get(*self.path, *path)

    def at(self, *path: str | int) -> Place:
        """Where a value of the spec stands, or its parent."""
        return self.owner.at(*self.path, *path)

    def sources(self) -> Iterator["Source"]:
        """Everything that the application is made from."""
        if isinstance(self.get("source"), dict):
            yield Source(self, ("source",))
        for index, _ in enumerate(self.owner.items(*self.path, "sources")):
            yield Source(self, ("sources", index))
        for part in ("drySource", "syncSource"):
            if self.get("sourceHydrator", part) is not None:
                yield Source(self, ("sourceHydrator", part))


class Source(NamedTuple):
    """One source of an application."""

    template: Template
    path: Path

    def get(self, *path: str | int) -> Any:
        """A value of the source."""
        return self.template.get(*self.path, *path)

    def at(self, *path: str | int) -> Place:
        """Where a value of the source stands, or its parent."""
        return self.template.at(*self.path, *path)


def templates(argocd: ArgoCd) -> tuple[Template, ...]:
    """Every Application, and the template of every ApplicationSet."""
    written = [Template(item, ("spec",)) for item in argocd.of("Application")]
    return (*written, *(Template(item, ("spec", "template", "spec")) for item in argocd.of("ApplicationSet")))
