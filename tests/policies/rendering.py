# SPDX-License-Identifier: Apache-2.0
"""A good rendering and good Argo CD objects, and the same with one thing changed."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, Final

import yaml

from contracts.yaml_document import read_yaml_stream
from policies.targets.argocd import ArgoCd
from policies.targets.manifests import Manifests
from tests.policies.examples import argocd, manifests, released
from tests.tree import ROOT

FIXTURES: Final = ROOT / "tests" / "fixtures" / "policies"
GONE: Final = object()
"""Put in place of a value, it takes the key away."""

Change = Callable[[list[dict[str, Any]]], None]


@cache
def _objects(folder: str) -> tuple[dict[str, Any], ...]:
    whole = released("telco-watson")
    found = []
    for file in sorted((FIXTURES / folder).glob("*.yaml")):
        text = file.read_text().replace("1" * 64, whole.card_digest).replace("2" * 64, whole.card.artifact.sha256)
        found += [document.value for document in read_yaml_stream(text.encode(), file.name) if document.value]
    return tuple(found)


def rendered(*changes: Change) -> Manifests:
    """The good rendering, changed."""
    return manifests(_written("rendered", changes))


def applications(*changes: Change) -> ArgoCd:
    """Good Argo CD objects, changed."""
    return argocd(_written("argocd", changes))


def _written(folder: str, changes: tuple[Change, ...]) -> str:
    objects = [deepcopy(item) for item in _objects(folder)]
    for change in changes:
        change(objects)
    return "---\n".join(yaml.safe_dump(item, sort_keys=False, default_flow_style=False) for item in objects)


def put(path: str, value: Any) -> Change:
    """Set the value at ``Kind/key/0/key`` or ``Kind:name/key``; GONE removes it. ``/`` in a key is written ``~``."""
    head, *steps = [step.replace("~", "/") for step in path.split("/")]
    kind, _, name = head.partition(":")

    def change(objects: list[dict[str, Any]]) -> None:
        (target,) = (item for item in objects if item["kind"] == kind and (not name or _name(item) == name))
        if not steps:
            objects.remove(target)
            return
        inner: Any = target
        for step in steps[:-1]:
            inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
        last: Any = int(steps[-1]) if isinstance(inner, list) else steps[-1]
        if value is GONE:
            del inner[last]
        elif isinstance(inner, list) and last == len(inner):
            inner.append(value)
        else:
            inner[last] = value

    return change


def _name(item: dict[str, Any]) -> str:
    return str(item["metadata"].get("name", ""))


def add(item: dict[str, Any]) -> Change:
    """One object more."""
    return lambda objects: objects.append(item)
