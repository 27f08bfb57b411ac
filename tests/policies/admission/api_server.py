# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server as far as one ConfigMap goes: TLS, bearer token, resourceVersion, and its own kind of no."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from policies.admission.api_server import ApiServer
from tests.certificates import make_certificate
from tests.loopback import Door, serving_at

NAMESPACE = "ml-prod"
TOKEN = "a-token-of-the-account"


class Cluster:
    """The ConfigMaps of one namespace. ``before_write`` is called before each write, as somebody else may write."""

    def __init__(self) -> None:
        self.maps: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.forbidden: set[str] = set()
        self.before_write: Callable[[], None] = lambda: None
        self.loses_answers = 0
        self._version = 0

    def put(self, name: str, data: dict[str, str]) -> None:
        """Write as somebody else."""
        self._version += 1
        metadata = {"name": name, "resourceVersion": str(self._version)}
        self.maps[name] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and object."""
        self.asked.append(method)
        collection = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        name = path.removeprefix(f"{collection}/") if method != "POST" else body["metadata"]["name"]
        if path not in (collection, f"{collection}/{name}"):
            return 404, _status(404, f"the server could not find {path}")
        if method in self.forbidden:
            return 403, _status(403, f'configmaps "{name}" is forbidden')
        if method == "GET":
            return (200, self.maps[name]) if name in self.maps else (404, _status(404, "not found"))
        self.before_write()
        there = self.maps.get(name)
        if (method == "POST") == (there is not None):
            return (409, _status(409, "already exists")) if there else (404, _status(404, "not found"))
        if there and body["metadata"].get("resourceVersion") != there["metadata"]["resourceVersion"]:
            return 409, _status(409, "the object has been modified")
        self.put(name, body["data"])
        return 200, self.maps[name]


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


@contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[ApiServer]:
    """The server, and what a pod of the namespace is given to ask it."""

    class ApiDoor(Door):
        """One connection."""

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, found = 401, _status(401, "Unauthorized")
            else:
                status, found = cluster.answer(self.command, self.path, json.loads(content or b"{}"))
            if self.command != "GET" and cluster.loses_answers:
                cluster.loses_answers -= 1
                self.close_connection = True
                return
            sent = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = _serve

    made = make_certificate(folder / "tls")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(TOKEN)
    (account / "namespace").write_text(NAMESPACE)
    (account / "ca.crt").write_bytes(made.authority.read_bytes())
    with serving_at(ApiDoor, tls) as url:
        yield ApiServer("127.0.0.1", int(url.rpartition(":")[2]), account, NAMESPACE)
