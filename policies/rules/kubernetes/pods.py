# SPDX-License-Identifier: Apache-2.0
"""Every pod that a rendering would make, found by its shape: whatever has a list of containers is the spec of one.

So a workload of a kind that nobody thought of is judged like any other. Init containers, native sidecars and ephemeral
containers are containers, too.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from contracts.yaml_document import Path
from policies.place import Place
from policies.targets.manifest import Manifest
from policies.targets.manifests_digest import is_gate

FINITE: Final = frozenset({"CronJob", "Job"})
"""Kinds whose pods end by themselves."""

Role = Literal["container", "sidecar", "init", "ephemeral"]
_LISTS: Final[tuple[tuple[str, Role], ...]] = (
    ("initContainers", "init"), ("containers", "container"), ("ephemeralContainers", "ephemeral"),
)  # fmt: skip


class Container(NamedTuple):
    """One container of a pod, and where it stands. A sidecar is an init container that is kept running."""

    owner: Manifest
    path: Path
    role: Role

    @property
    def name(self) -> str:
        """As the pod names it; its number where it has no name."""
        return str(self.owner.get(*self.path, "name") or self.path[-1])

    @property
    def stays(self) -> bool:
        """Whether it runs for as long as its pod does."""
        return self.role in ("container", "sidecar")

    def get(self, *path: str | int) -> Any:
        """A value of the container."""
        return self.owner.get(*self.path, *path)

    def mapping(self, *path: str | int) -> dict[str, Any]:
        """A mapping of the container, empty where there is none."""
        return self.owner.mapping(*self.path, *path)

    def at(self, *path: str | int) -> Place:
        """Where a value of the container stands, or its parent."""
        return self.owner.at(*self.path, *path)


class Pod(NamedTuple):
    """A pod, or the template of one, by where its spec stands."""

    owner: Manifest
    spec: Path

    @property
    def path(self) -> Path:
        """Where its metadata and its spec stand side by side."""
        return self.spec[:-1]

    @property
    def title(self) -> str:
        """The object that makes it, as people name it."""
        return f"{self.owner.kind} {self.owner.name or self.owner.mapping('metadata').get('generateName', '')}"

    @property
    def labels(self) -> dict[str, Any]:
        """The labels by which it is selected."""
        return self.owner.mapping(*self.path, "metadata", "labels")

    @property
    def annotations(self) -> dict[str, Any]:
        """Its annotations."""
        return self.owner.mapping(*self.path, "metadata", "annotations")

    @property
    def is_gate(self) -> bool:
        """Whether it is the gate's own."""
        return is_gate(self.owner.value)

    @property
    def stays(self) -> bool:
        """Whether it is meant to run until it is replaced."""
        restarted = self.get("restartPolicy") in (None, "Always")
        return self.owner.kind not in FINITE and restarted and not self.is_gate

    def get(self, *path: str | int) -> Any:
        """A value of its spec."""
        return self.owner.get(*self.spec, *path)

    def mapping(self, *path: str | int) -> dict[str, Any]:
        """A mapping of its spec, empty where there is none."""
        return self.owner.mapping(*self.spec, *path)

    def items(self, *path: str | int) -> list[Any]:
        """A list of its spec, empty where there is none."""
        return self.owner.items(*self.spec, *path)

    def at(self, *path: str | int) -> Place:
        """Where a value of its spec stands, or its parent."""
        return self.owner.at(*self.spec, *path)

    def containers(self) -> Iterator[Container]:
        """All of them, in the order in which they start."""
        for key, role in _LISTS:
            for index, value in enumerate(self.items(key)):
                kept = role == "init" and isinstance(value, dict) and value.get("restartPolicy") == "Always"
                yield Container(self.owner, (*self.spec, key, index), "sidecar" if kept else role)


def pods(objects: Iterable[Manifest]) -> tuple[Pod, ...]:
    """Every pod of a rendering."""
    return tuple(Pod(item, path) for item in objects for path in _specs(item.value, ()))


def _specs(value: Any, path: Path) -> Iterator[Path]:
    """Paths to whatever is a pod's spec."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _specs(item, (*path, index))
    if isinstance(value, dict):
        containers = value.get("containers")
        if path and isinstance(containers, list) and containers and all(isinstance(item, dict) for item in containers):
            yield path
        for key, item in value.items():
            yield from _specs(item, (*path, key))


def together(one: Manifest, other: Manifest) -> bool:
    """Whether two objects end up in one namespace, as far as the rendering says."""
    return one.namespace == other.namespace or not one.namespace or not other.namespace


def selects(selector: Any, labels: dict[str, Any]) -> bool:
    """Whether a label selector selects; an empty one selects everything, one that is malformed nothing."""
    if not isinstance(selector, dict):
        return False
    wanted = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    if not isinstance(wanted, dict) or not isinstance(expressions, list):
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in expressions
    )


def _holds(expression: Any, labels: dict[str, Any]) -> bool:
    if not isinstance(expression, dict):
        return False
    key, operator, values = expression.get("key"), expression.get("operator"), expression.get("values") or []
    if operator in ("Exists", "DoesNotExist"):
        return bool((key in labels) == (operator == "Exists"))
    if operator in ("In", "NotIn") and isinstance(values, list):
        return bool((labels.get(str(key)) in values) == (operator == "In"))
    return False


NO_POD: Final = "the rendering makes no pod; K8S-001 says so"
