# SPDX-License-Identifier: Apache-2.0
"""Rendered objects as files: one for each, named by kind and name, the same bytes whichever Helm rendered them."""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

from policies.errors import CannotEvaluate
from policies.targets.manifest import Manifest

_PLAIN: Final = re.compile(r"(--)?[A-Za-z/]([\w./:@=-]*[\w/])?", re.ASCII)
_WORDS: Final = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})
_NOTE: Final = "# Made by `countersign promote`; whatever is changed by hand is refused.\n"


def object_files(objects: Iterable[Manifest]) -> dict[str, bytes]:
    """The files by name. Raises CannotEvaluate for two objects of one name."""
    files: dict[str, bytes] = {}
    for item in objects:
        name = item.name or str(item.get("metadata", "generateName")).rstrip("-")
        file = f"{item.kind.lower()}-{name}.yaml"
        if file in files:
            raise CannotEvaluate(f"two objects of the rendering are {item.kind} {name}; give one of them another name")
        files[file] = written(item.value)
    return files


def written(value: Any) -> bytes:
    """One object as YAML that every reader takes for the same: keys sorted, and quotes wherever any might differ."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=float("inf"), allow_unicode=True)
    return (_NOTE + text).encode()


class _Dumper(yaml.SafeDumper):
    """PyYAML takes its choices from a class."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer to a value that stands elsewhere."""
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" in text.rstrip("\n"):
        style: str | None = "|"
    else:
        style = None if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
