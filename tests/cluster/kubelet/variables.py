# SPDX-License-Identifier: Apache-2.0
"""A container's variables and command line: values, fields of its pod, keys of others, and $(NAME) in all of them."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Object = dict[str, Any]
Read = Callable[[str, str], Mapping[str, str]]
_NAMED: Final = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_KEYED: Final = re.compile(r"metadata\.(annotations|labels)\['([^']+)'\]")
_QUANTITY: Final = re.compile(r"([0-9.]+)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS: Final = {
    "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


class NotThere(Exception):
    """What a pod asks for is not there (yet); the message says what."""


def variables(pod: Object, container: Object, read: Read) -> dict[str, str]:
    """All variables; ``read`` gives the data of a ConfigMap or Secret, by kind in the plural and name."""
    found: dict[str, str] = {}
    for each in container.get("env", ()):
        if "valueFrom" in each:
            found[each["name"]] = _sourced(pod, container, each["valueFrom"], read)
        else:
            found[each["name"]] = expanded(each.get("value", ""), found)
    return found


def expanded(text: str, known: Mapping[str, str]) -> str:
    """$(NAME) becomes the variable; of one that is unknown the text stays; $$ is one $."""
    return _NAMED.sub(lambda found: "$" if found[0] == "$$" else known.get(found[1], found[0]), text)


def field(pod: Object, path: str) -> str:
    """What the downward API says of a field of the pod; an annotation or label that is not there is empty."""
    keyed = _KEYED.fullmatch(path)
    if keyed:
        return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
    value: Any = pod
    for step in path.split("."):
        value = value[step]
    if isinstance(value, dict):
        return "".join(f'{key}="{text}"\n' for key, text in sorted(value.items()))
    return str(value)


def amount(text: str) -> float:
    """A quantity of Kubernetes as a number."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    return float(found[1]) * _UNITS.get(found[2], 1)


def _sourced(pod: Object, container: Object, source: Object, read: Read) -> str:
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        asked = source["resourceFieldRef"]
        kind, _, name = asked["resource"].partition(".")
        return str(-(-amount(container["resources"][kind][name]) // amount(asked.get("divisor", "1"))).__int__())
    kind, reference = ("secrets", "secretKeyRef") if "secretKeyRef" in source else ("configmaps", "configMapKeyRef")
    asked = source[reference]
    data = read(kind, asked["name"])
    if asked["key"] not in data:
        raise NotThere(f"{kind}/{asked['name']} has no key {asked['key']}")
    return base64.b64decode(data[asked["key"]]).decode() if kind == "secrets" else data[asked["key"]]
