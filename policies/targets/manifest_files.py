# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects as files: every YAML and JSON file of a folder, every document, every object with its places.

Nothing is skipped in silence: a file that is not YAML, a document that is no object, a list of objects, a template
that was not rendered and a symbolic link make the folder unreadable. Empty documents, which Helm leaves behind, are
no objects.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from contracts.yaml_document import YamlDocument, YamlInvalid, read_yaml_stream
from policies.errors import TargetUnreadable
from policies.place import Place, split_place
from policies.targets.manifest import Manifest
from policies.targets.manifests_digest import Identity, identity

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def read_folder(root: Path, name: str, suffixes: frozenset[str] | None = SUFFIXES) -> tuple[Manifest, ...]:
    """Every object below a folder, by path, in files of these suffixes or in all. Raises TargetUnreadable for none."""
    if not root.is_dir():
        raise TargetUnreadable(Place(name), "is not a folder; name the folder of rendered manifests")
    named = ((file, f"{name}/{file.relative_to(root)}") for file in _files(root, name, suffixes))
    found = tuple(manifest for file, at in named for manifest in read_objects(_bytes(file, at), at))
    if not found:
        raise TargetUnreadable(Place(name), "holds no Kubernetes object; render the manifests into it first")
    return found


def read_objects(data: bytes, name: str) -> Iterator[Manifest]:
    """Every object of a stream. Raises TargetUnreadable."""
    try:
        documents = read_yaml_stream(data, name)
    except YamlInvalid as error:
        place, message = split_place(str(error), name)
        raise TargetUnreadable(place, _unrendered(data) or message) from None
    for document in documents:
        if document.value is not None:
            yield _object(document)


def refuse_twins(objects: Iterable[Manifest]) -> None:
    """Refuse two objects of one name, of which the cluster would keep only one. Raises TargetUnreadable."""
    seen: dict[Identity, Manifest] = {}
    for item in objects:
        key = identity(item.value)
        if item.name and key in seen:
            raise TargetUnreadable(
                item.at("metadata", "name"), f"{item.kind} {item.name} is also at {seen[key].at()}; keep one of them"
            )
        seen[key] = item


def _files(root: Path, name: str, suffixes: frozenset[str] | None) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for entry in sorted(files + folders):
            path = Path(folder) / entry
            if path.is_symlink():
                raise TargetUnreadable(
                    Place(f"{name}/{path.relative_to(root)}"), "is a symbolic link; put the file itself there"
                )
            if path.is_file() and (suffixes is None or path.suffix in suffixes):
                yield path


def _bytes(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TargetUnreadable(Place(name), f"cannot be read: {reason}; mend its permissions") from None


def _object(document: YamlDocument) -> Manifest:
    value: Any = document.value
    positions = {**document.values, **document.keys}
    line, column = document.values[()]
    place = Place(document.name, line, column)
    if not isinstance(value, dict):
        raise TargetUnreadable(place, "the document is no Kubernetes object; remove it, or move it out of the folder")
    manifest = Manifest(file=document.name, value=value, positions=positions)
    message = _not_an_object(value)
    if message is not None:
        raise TargetUnreadable(place, message)
    return manifest


def _not_an_object(value: dict[str, Any]) -> str | None:
    """Why a mapping is not one Kubernetes object with a name; None if it is."""
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str) or not value[key]:
            return f"the document has no `{key}`, so it is no Kubernetes object; add it, or move the file elsewhere"
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        return f"a {value['kind']} hides its objects; write each as a document of its own"
    if value["apiVersion"].startswith("kustomize.config.k8s.io/"):
        return "a kustomization is not rendered; run kustomize build, and name the folder of its output"
    metadata = value.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    if not any(isinstance(named.get(key), str) and named[key] for key in ("name", "generateName")):
        return f"the {value['kind']} has no metadata.name; add it"
    return None


def _unrendered(data: bytes) -> str | None:
    if b"{{" in data:
        return "not YAML, and it holds `{{`: the template is not rendered; name the chart's own folder instead"
    return None
