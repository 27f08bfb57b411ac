# SPDX-License-Identifier: Apache-2.0
"""The rendered pod, changed into what podman 4 can play; `LEFT_OUT` says what of it is not shown by that.

Native sidecars become containers beside the others, so that no order of starting holds; volumes are folders.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Object = dict[str, Any]

USER: Final = 65532
LEFT_OUT: Final = {
    "container": ("ports", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe", "resources",
                  "restartPolicy"),
    "pod": ("topologySpreadConstraints", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks",
            "terminationGracePeriodSeconds", "initContainers", "securityContext"),
}  # fmt: skip
_UNKNOWN_FIELDS: Final = {"status.podIP": "127.0.0.1", "spec.nodeName": "node-1", "metadata.namespace": "ml-prod"}
"""Of the downward API podman knows names and labels; it takes no annotation longer than 63 characters (4.3)."""
_VARIABLE: Final = re.compile(r"\$\((\w+)\)")
"""In arguments podman leaves it standing."""


def playable(template: Object, images: Mapping[str, str], folders: Path) -> Object:
    """A Pod of the Deployment's template, with these images and a folder for each volume, all owned by its user."""
    spec = template["spec"]
    notes = {f"metadata.annotations['{key}']": text for key, text in template["metadata"]["annotations"].items()}
    known = {**_UNKNOWN_FIELDS, **notes}
    containers = [
        _container(each, images[each["name"]], spec, known) for each in (*spec["initContainers"], *spec["containers"])
    ]
    volumes = [
        {"name": each["name"], "hostPath": {"path": str(folder(folders, each["name"]))}} for each in spec["volumes"]
    ]
    kept = {key: value for key, value in spec.items() if key not in LEFT_OUT["pod"]}
    metadata = {"name": "countersign"}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {**kept, "hostNetwork": True, "containers": containers, "volumes": volumes},
    }  # fmt: skip


def folder(folders: Path, name: str) -> Path:
    """The folder of a volume, which the containers' user owns."""
    made = folders / name
    made.mkdir(parents=True, exist_ok=True)
    for path in (made, *made.iterdir()):
        os.chown(path, USER, USER)
    return made


def _container(container: Object, image: str, spec: Object, known: Mapping[str, str]) -> Object:
    confined = {
        **container["securityContext"],
        **{key: spec["securityContext"][key] for key in ("runAsUser", "runAsGroup")},
    }
    environment = [_variable(each, known) for each in container.get("env", [])]
    args = [_VARIABLE.sub(lambda found: _value(environment, found[1]), word) for word in container["args"]]
    kept = {key: value for key, value in container.items() if key not in LEFT_OUT["container"]}
    return {
        **kept,
        "image": image,
        "imagePullPolicy": "Never",
        "args": args,
        "env": environment,
        "securityContext": confined,
    }


def _value(environment: list[Object], name: str) -> str:
    return next(str(each["value"]) for each in environment if each["name"] == name)


def _variable(variable: Object, known: Mapping[str, str]) -> Object:
    field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
    return {"name": variable["name"], "value": known[field]} if field in known else variable
