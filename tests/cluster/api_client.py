# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API over HTTPS with a client's certificate, and with nothing between it and a test."""

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.cluster.authority import Identity

Object = dict[str, Any]
MERGE: Final = "application/merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_TIMEOUT_SECONDS: Final = 60


class KindUnknown(Exception):
    """Nothing of that kind can be there; the message says what."""


class Answer(NamedTuple):
    """What the API server said: a status, the object (or the Status that says why not), its warnings."""

    status: int
    body: Object
    warnings: tuple[str, ...]

    @property
    def message(self) -> str:
        """Why not."""
        return str(self.body.get("message", ""))

    def ok(self) -> Object:
        """The object; anything but success fails."""
        assert 200 <= self.status < 300, f"{self.status}: {self.message}"
        return self.body


class ApiClient:
    """Somebody's access. Every request has a connection of its own, so threads may share a client."""

    def __init__(self, url: str, authority: Path, identity: Identity) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 443
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._tls.load_cert_chain(identity.certificate, identity.key)
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Answer:
        """One exchange."""
        connection = self._connect(_TIMEOUT_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": content, "Accept": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
            warnings = tuple(_WARNING.findall(", ".join(answer.headers.get_all("Warning") or ())))
            return Answer(answer.status, _decoded(data), warnings)
        finally:
            connection.close()

    def create(self, item: Object, **query: str) -> Answer:
        """Create an object, as strictly as the API server can be asked to read it."""
        return self.request("POST", self._collection(item) + _asked({"fieldValidation": "Strict", **query}), item)

    def replace(self, item: Object, **query: str) -> Answer:
        """Write over an object."""
        return self.request("PUT", self.path(item) + _asked({"fieldValidation": "Strict", **query}), item)

    def apply(self, item: Object, manager: str = "test") -> Answer:
        """Server-side apply."""
        asked = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self.request("PATCH", self.path(item) + _asked(asked), item, APPLY)

    def patch(self, path: str, change: Object) -> Answer:
        """A merge patch."""
        return self.request("PATCH", path, change, MERGE)

    def get(self, path: str) -> Answer:
        """Read."""
        return self.request("GET", path)

    def items(self, path: str) -> list[Object]:
        """All of a list."""
        found: list[Object] = self.get(path).ok().get("items") or []
        return found

    def delete(self, path: str) -> Answer:
        """Delete at once."""
        return self.request("DELETE", path + _asked({"gracePeriodSeconds": "0", "propagationPolicy": "Background"}))

    def watch(self, path: str, since: str, seconds: int = 300) -> Iterator[Object]:
        """Events of a list from a resource version on, until the API server ends it."""
        connection = self._connect(seconds + _TIMEOUT_SECONDS)
        try:
            asked = {"watch": "1", "resourceVersion": since, "timeoutSeconds": str(seconds)}
            connection.request("GET", path + _asked(asked).replace("?", "&" if "?" in path else "?"))
            for line in connection.getresponse():
                yield json.loads(line)
        finally:
            connection.close()

    def path(self, item: Object) -> str:
        """Where an object is."""
        return f"{self._collection(item)}/{item['metadata']['name']}"

    def _collection(self, item: Object) -> str:
        version = item["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if item["kind"] not in self._resources.get(root, {}):
            listed = self.get(root).body.get("resources", ())
            self._resources[root] = {
                each["kind"]: (each["name"], each["namespaced"]) for each in listed if "/" not in each["name"]
            }
        if item["kind"] not in self._resources[root]:
            raise KindUnknown(f"the API server serves no {item['kind']} of {version}")
        plural, namespaced = self._resources[root][item["kind"]]
        where = f"/namespaces/{item['metadata'].get('namespace', 'default')}" if namespaced else ""
        return f"{root}{where}/{plural}"

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=timeout)


def _asked(query: dict[str, str]) -> str:
    return "?" + urlencode(query)


def _decoded(data: bytes) -> Object:
    try:
        body = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace")}
    return body if isinstance(body, dict) else {"value": body}
