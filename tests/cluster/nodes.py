# SPDX-License-Identifier: Apache-2.0
"""Nodes that run Jobs for real and nothing else.

The pods of a Job are started as local processes (tests.cluster.contained) with their command, arguments and volumes,
where their image is one that this machine has; one that it has not stays waiting, as behind a registry that is away.
Every other pod is only said to be running and ready, so what is shown with it is the control plane's part.
"""

import base64
import contextlib
import datetime as dt
import http.client
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.cluster.api_client import ApiClient, Object
from tests.cluster.contained import Contained

State = tuple[Object, Object]
_HEARTBEAT_SECONDS: Final = 10
_JOB_SECONDS: Final = 120
_SIZE: Final = {"cpu": "16", "memory": "64Gi", "pods": "110"}


class Nodes:
    """Some nodes, kept alive by threads of this process; started inside the cluster's network."""

    def __init__(self, api: ApiClient, folder: Path, names: tuple[str, ...], images: tuple[str, ...]) -> None:
        self._api, self._folder, self._names, self.images = api, folder, names, images
        self._ended = threading.Event()
        self._seen: set[str] = set()
        self._addresses = iter(f"10.244.{number // 250}.{number % 250 + 1}" for number in range(60000))
        folder.mkdir()
        for zone, name in enumerate(names):
            self._api.create(_node(name, zone)).ok()
        for work in (self._beat, self._follow):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        """No more heartbeats; what runs ends by itself."""
        self._ended.set()

    def _beat(self) -> None:
        conditions = [_condition("Ready", True), *(_condition(each, False) for each in _PRESSURES)]
        status = {"conditions": conditions, "capacity": _SIZE, "allocatable": _SIZE}
        while True:
            # A node does not end with its API server.
            with contextlib.suppress(OSError):
                for name in self._names:
                    beat = [{**each, "lastHeartbeatTime": _now()} for each in conditions]
                    self._api.patch(f"/api/v1/nodes/{name}/status", {"status": {**status, "conditions": beat}})
            if self._ended.wait(_HEARTBEAT_SECONDS):
                return

    def _follow(self) -> None:
        """List, then watch, and again when the API server ends the watch."""
        while not self._ended.is_set():
            try:
                listed = self._api.get("/api/v1/pods").ok()
                for pod in listed["items"]:
                    self._see(pod)
                for event in self._api.watch("/api/v1/pods", listed["metadata"]["resourceVersion"]):
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._see(event["object"])
            except (OSError, http.client.HTTPException):
                self._ended.wait(0.5)

    def _see(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if pod["spec"].get("nodeName") not in self._names:
            return
        if "deletionTimestamp" in metadata:
            self._api.delete(_path(pod))
        elif metadata["uid"] not in self._seen:
            self._seen.add(metadata["uid"])
            is_job = any(owner["kind"] == "Job" for owner in metadata.get("ownerReferences", ()))
            threading.Thread(target=self._run if is_job else self._mark, args=(pod,), daemon=True).start()

    def _mark(self, pod: Object) -> None:
        running = {"running": {"startedAt": _now()}}
        inits = [(each, running if each.get("restartPolicy") == "Always" else _ended(0)) for each in _inits(pod)]
        self._say(pod, "Running", [(each, running) for each in pod["spec"]["containers"]], inits)

    def _run(self, pod: Object) -> None:
        (container,) = pod["spec"]["containers"]
        if not any(container["image"].startswith(f"{image}@") for image in self.images):
            waiting = {"reason": "ImagePullBackOff", "message": f"cannot pull {container['image']}: registry is away"}
            self._say(pod, "Pending", [(container, {"waiting": waiting})])
            return
        self._say(pod, "Running", [(container, {"running": {"startedAt": _now()}})])
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            code, said = self._contain(pod, container, Path(scratch))
        with (self._folder / "jobs.log").open("a") as log:
            log.write(f"{pod['metadata']['name']} {code}\n{said}\n")
        self._say(pod, "Failed" if code else "Succeeded", [(container, _ended(code, said[-4000:]))])

    def _contain(self, pod: Object, container: Object, scratch: Path) -> tuple[int, str]:
        scratch.chmod(0o755)
        root, mounts = scratch / "root", []
        root.mkdir()
        for mount in container.get("volumeMounts", ()):
            (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])
            folder = scratch / f"volume-{mount['name']}"
            folder.mkdir(exist_ok=True)
            for name, content in self._content(pod, volume).items():
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o444)
            mounts.append((str(folder), mount["mountPath"], False))
        variables = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
        # As a kubelet says it in every pod; the API server's address is that of its Service.
        variables |= {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
        command = [*container.get("command", ()), *container.get("args", ())]
        ran = subprocess.run(
            Contained(str(root), command, variables, mounts).words(),
            capture_output=True, text=True, check=False, timeout=_JOB_SECONDS, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        return ran.returncode, ran.stdout + ran.stderr

    def _content(self, pod: Object, volume: Object) -> dict[str, bytes]:
        """The files of a volume, as far as Jobs of the chart have any."""
        namespace = pod["metadata"]["namespace"]
        if "configMap" in volume:
            source = volume["configMap"]
            data = self._api.get(f"/api/v1/namespaces/{namespace}/configmaps/{source['name']}").ok().get("data", {})
            return _chosen({name: text.encode() for name, text in data.items()}, source)
        if "secret" in volume:
            source = volume["secret"]
            data = self._api.get(f"/api/v1/namespaces/{namespace}/secrets/{source['secretName']}").ok().get("data", {})
            return _chosen({name: base64.b64decode(text) for name, text in data.items()}, source)
        found: dict[str, bytes] = {}
        for source in volume["projected"]["sources"]:
            found |= self._projected(pod, source)
        return found

    def _projected(self, pod: Object, source: Object) -> dict[str, bytes]:
        if "serviceAccountToken" in source:
            return {source["serviceAccountToken"]["path"]: self._token(pod, source["serviceAccountToken"])}
        if "configMap" in source:
            return self._content(pod, source)
        items = source["downwardAPI"]["items"]
        assert [item["fieldRef"]["fieldPath"] for item in items] == ["metadata.namespace"]
        return {items[0]["path"]: pod["metadata"]["namespace"].encode()}

    def _token(self, pod: Object, source: Object) -> bytes:
        metadata = pod["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        spec: Object = {"expirationSeconds": source["expirationSeconds"], "boundObjectRef": bound}
        if "audience" in source:
            spec["audiences"] = [source["audience"]]
        account = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{pod['spec']['serviceAccountName']}"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = self._api.request("POST", f"{account}/token", request).ok()["status"]["token"]
        return token.encode()

    def _say(self, pod: Object, phase: str, states: Sequence[State], inits: Sequence[State] = ()) -> None:
        address = pod.get("podIP") or pod.setdefault("podIP", next(self._addresses))
        ready = phase == "Running"
        conditions = [_condition("PodScheduled", True), _condition("Initialized", True)]
        conditions += [_condition("ContainersReady", ready), _condition("Ready", ready)]
        status = {
            "phase": phase, "conditions": conditions, "startTime": _now(), "hostIP": "10.0.0.1",
            "podIP": address, "podIPs": [{"ip": address}],
            "containerStatuses": [_container(*each) for each in states],
            "initContainerStatuses": [_container(*each) for each in inits],
        }  # fmt: skip
        self._api.patch(f"{_path(pod)}/status", {"status": status})


_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")


def _node(name: str, zone: int) -> Object:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{zone}",
    }
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "status": {"capacity": _SIZE, "allocatable": _SIZE},
    }  # fmt: skip


def _condition(kind: str, holds: bool) -> Object:
    return {"type": kind, "status": str(holds), "reason": "Said", "message": "", "lastTransitionTime": _now()}


def _container(container: Object, state: Object) -> Object:
    running = "running" in state
    said: dict[str, Any] = {"name": container["name"], "image": container["image"], "imageID": container["image"]}
    return {**said, "state": state, "ready": running, "started": running, "restartCount": 0}


def _ended(code: int, said: str = "") -> Object:
    reason = "Error" if code else "Completed"
    return {
        "terminated": {"exitCode": code, "reason": reason, "message": said, "startedAt": _now(), "finishedAt": _now()}
    }


def _inits(pod: Object) -> list[Object]:
    found: list[Object] = pod["spec"].get("initContainers", [])
    return found


def _chosen(data: dict[str, bytes], source: Object) -> dict[str, bytes]:
    if "items" not in source:
        return data
    return {item["path"]: data[item["key"]] for item in source["items"]}


def _path(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
