# SPDX-License-Identifier: Apache-2.0
"""A pod's volumes as folders, with the contents, modes and group that a kubelet gives them.

Known are emptyDir, configMap, secret, downwardAPI and projected; the contents are those at the pod's start. Any other
kind is NotThere, and its pod stays waiting.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from tests.cluster.api_client import ApiClient
from tests.cluster.kubelet.variables import NotThere, field

Object = dict[str, Any]
_MODE: Final = 0o644


class Content(NamedTuple):
    """A file of a volume."""

    path: str
    data: bytes
    mode: int


class Source(Protocol):
    """Whoever has the contents of a pod's volumes."""

    def data(self, kind: str, name: str) -> Mapping[str, str]:
        """Of a ConfigMap or a Secret (base64), by kind in the plural; NotThere without it."""

    def token(self, asked: Object) -> bytes:
        """A token of the pod's account; NotThere without it."""


class Objects:
    """What a pod's node may read of a namespace for it."""

    def __init__(self, api: ApiClient, pod: Object) -> None:
        self._api, self._pod = api, pod
        self._namespace = f"/api/v1/namespaces/{pod['metadata']['namespace']}"

    def data(self, kind: str, name: str) -> dict[str, str]:
        """Of a ConfigMap or a Secret."""
        answer = self._api.get(f"{self._namespace}/{kind}/{name}")
        if answer.status != 200:
            raise NotThere(f"{kind}/{name}: {answer.message}")
        return answer.body.get("data") or {}

    def token(self, asked: Object) -> bytes:
        """A token of the pod's account, bound to the pod."""
        metadata, account = self._pod["metadata"], self._pod["spec"].get("serviceAccountName", "default")
        spec: Object = {
            "expirationSeconds": asked.get("expirationSeconds", 3600),
            "boundObjectRef": {
                "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"],
            },
            "audiences": [asked["audience"]] if "audience" in asked else [],
        }  # fmt: skip
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = self._api.request("POST", f"{self._namespace}/serviceaccounts/{account}/token", request)
        if answer.status != 201:
            raise NotThere(f"token of {account}: {answer.message}")
        return str(answer.body["status"]["token"]).encode()


def make_volume(volume: Object, pod: Object, objects: Source, folder: Path) -> None:
    """Fill an empty folder of the volume's own."""
    group = pod["spec"].get("securityContext", {}).get("fsGroup", 0)
    if "emptyDir" in volume:
        os.chown(folder, -1, group)
        folder.chmod(0o2777)
        return
    folder.chmod(0o755)
    for content in contents(volume, pod, objects):
        place = folder / content.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.data)
        os.chown(place, -1, group)
        # The group of the volume may read whatever its owner may.
        place.chmod(content.mode | ((content.mode & 0o400) >> 3))


def contents(source: Object, pod: Object, objects: Source) -> list[Content]:
    """The files of a volume, or of one source of a projected one."""
    if "projected" in source:
        projected = source["projected"]
        found = [each for part in projected["sources"] for each in contents(part, pod, objects)]
        mode = projected.get("defaultMode", _MODE)
        return [each._replace(mode=mode) if each.mode == _MODE else each for each in found]
    if "serviceAccountToken" in source:
        asked = source["serviceAccountToken"]
        return [Content(asked["path"], objects.token(asked), 0o600)]
    if "downwardAPI" in source:
        items = source["downwardAPI"].get("items", ())
        return [Content(each["path"], field(pod, each["fieldRef"]["fieldPath"]).encode(), _MODE) for each in items]
    if "configMap" in source:
        asked = source["configMap"]
        data = {key: text.encode() for key, text in objects.data("configmaps", asked["name"]).items()}
        return _chosen(data, asked)
    if "secret" in source:
        asked = source["secret"]
        encoded = objects.data("secrets", asked.get("secretName") or asked["name"])
        return _chosen({key: base64.b64decode(text) for key, text in encoded.items()}, asked)
    raise NotThere(f"this kubelet makes no volume {source}")


def _chosen(data: dict[str, bytes], asked: Object) -> list[Content]:
    mode = asked.get("defaultMode", _MODE)
    if "items" not in asked:
        return [Content(key, value, mode) for key, value in data.items()]
    absent = [each["key"] for each in asked["items"] if each["key"] not in data]
    if absent:
        raise NotThere(f"{asked.get('secretName') or asked.get('name')} has no key {', '.join(absent)}")
    return [Content(each["path"], data[each["key"]], each.get("mode", mode)) for each in asked["items"]]
