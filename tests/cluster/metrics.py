# SPDX-License-Identifier: Apache-2.0
"""The resource metrics that an autoscaler asks for, behind the API server's real aggregation layer.

What each container uses is what a test says, or what its ``Measure`` does; nothing is measured here.
"""

import datetime as dt
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from tests.cluster.api_client import Object
from tests.cluster.cluster import Cluster
from tests.loopback import Door

_GROUP: Final = "metrics.k8s.io"
_VERSION: Final = f"{_GROUP}/v1beta1"
_PORT: Final = 4443
Measure = Callable[[Object, str], Mapping[str, str] | None]
"""What a container of a pod uses, by resource; None before there is anything to say."""


class Metrics:
    """Says that containers of these names use so many thousandths of a CPU; start it inside the cluster's network."""

    def __init__(self, cluster: Cluster, usage: Mapping[str, int], measure: Measure | None = None) -> None:
        self.usage = dict(usage)
        self._api, self._measure = cluster.api, measure or self._told

        class Told(Door):
            """One connection of the API server."""

            protocol_version = "HTTP/1.1"

            def do_GET(door) -> None:
                body = json.dumps(self._answer(door.path)).encode()
                door.send_response(200)
                door.send_header("Content-Type", "application/json")
                door.send_header("Content-Length", str(len(body)))
                door.end_headers()
                door.wfile.write(body)

        identity = cluster.authority.identity("metrics", "metrics", addresses=("127.0.0.1",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        self._server = ThreadingHTTPServer(("127.0.0.1", _PORT), Told)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        cluster.apply(*_registration())

    def end(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> Object:
        parts, asked = urlsplit(path).path.strip("/").split("/"), parse_qs(urlsplit(path).query)
        if parts[-1] != "pods" or len(parts) != 6:
            return _resources()
        selector = quote(asked.get("labelSelector", [""])[0])
        pods = self._api.items(f"/api/v1/namespaces/{parts[4]}/pods?labelSelector={selector}")
        running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
        found = [self._of_pod(pod) for pod in running if "deletionTimestamp" not in pod["metadata"]]
        items = [each for each in found if each is not None]
        return {"kind": "PodMetricsList", "apiVersion": _VERSION, "metadata": {}, "items": items}

    def _told(self, pod: Object, container: str) -> Mapping[str, str]:
        del pod
        return {"cpu": f"{self.usage.get(container, 0)}m", "memory": "64Mi"}

    def _of_pod(self, pod: Object) -> Object | None:
        """As a metrics server has it: a pod with a container that was not measured yet is left out."""
        kept = [each for each in pod["spec"].get("initContainers", ()) if each.get("restartPolicy") == "Always"]
        names = [each["name"] for each in (*pod["spec"]["containers"], *kept)]
        containers = [{"name": name, "usage": self._measure(pod, name)} for name in names]
        if any(each["usage"] is None for each in containers):
            return None
        metadata = {key: pod["metadata"].get(key) for key in ("name", "namespace", "labels")}
        now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        return {"metadata": metadata, "timestamp": now, "window": "1s", "containers": containers}


def _resources() -> Object:
    kinds = [("pods", "PodMetrics", True), ("nodes", "NodeMetrics", False)]
    served = [
        {"name": name, "singularName": "", "namespaced": within, "kind": kind, "verbs": ["get", "list"]}
        for name, kind, within in kinds
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _VERSION, "resources": served}


def _registration() -> tuple[Object, Object]:
    named = {"name": "metrics", "namespace": "kube-system"}
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": _PORT}]}
    service = {**named, "port": _PORT}
    aggregated = {
        "group": _GROUP, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "insecureSkipTLSVerify": True, "service": service,
    }  # fmt: skip
    return (
        {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": spec},
        {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": f"v1beta1.{_GROUP}"}, "spec": aggregated,
        },
    )  # fmt: skip
