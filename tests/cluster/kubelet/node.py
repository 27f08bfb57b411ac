# SPDX-License-Identifier: Apache-2.0
"""A node that runs its pods for real, in place of a kubelet: registered, alive by its lease, truthful about its pods.

It is known to the API server as a node is (`system:node:NAME`), so that it reads what its pods name and nothing else.
"""

import contextlib
import datetime as dt
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.cluster.api_client import ApiClient
from tests.cluster.cluster import Cluster
from tests.cluster.kubelet.machine import Images, PodMachine
from tests.cluster.kubelet.pod_run import PodRun
from tests.cluster.kubelet.pod_status import now, status_of
from tests.cluster.kubelet.variables import NotThere
from tests.cluster.kubelet.volumes import Objects

Object = dict[str, Any]
_HEARTBEAT_SECONDS: Final = 10
_SIZE: Final = {"cpu": "8", "memory": "16Gi", "pods": "30"}
_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")


class Place(NamedTuple):
    """Where a node is: its name, its own address, its zone, and the addresses for its pods, in turn."""

    name: str
    address: str
    zone: str
    pods: Iterator[str]


class Node:
    """One node; make it inside the cluster's network. ``images`` is what it can run, and may grow."""

    def __init__(self, cluster: Cluster, place: Place, images: Images, folder: Path) -> None:
        self.place, self._images, self._folder = place, images, folder
        name = place.name
        identity = cluster.authority.identity(name, f"system:node:{name}", "system:nodes")
        self._api: ApiClient = cluster.client(identity)
        self.pods: dict[str, _PodHere] = {}
        """By uid, those that are over included."""
        self._ended, self._taking = threading.Event(), threading.Lock()
        folder.mkdir(parents=True)
        self._api.create(_registered(place)).ok()
        self._beat()
        for work in (self._keep_alive, self._follow):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        """End all that runs here, in a hurry, and be no node any more."""
        with self._taking:
            self._ended.set()
        for pod in self.pods.values():
            pod.run.stop(0)
        for pod in self.pods.values():
            pod.run.over.wait()

    def named(self, pod: str) -> "_PodHere | None":
        """A pod that is here by its name."""
        return next((each for each in self.pods.values() if each.name == pod and not each.run.over.is_set()), None)

    def _keep_alive(self) -> None:
        while not self._ended.wait(_HEARTBEAT_SECONDS):
            # A node does not end with its API server.
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._beat()

    def _beat(self) -> None:
        name = self.place.name
        conditions = [_condition("Ready", True), *(_condition(each, False) for each in _PRESSURES)]
        addresses = [{"type": "InternalIP", "address": self.place.address}, {"type": "Hostname", "address": name}]
        status = {"conditions": conditions, "capacity": _SIZE, "allocatable": _SIZE, "addresses": addresses}
        self._api.patch(f"/api/v1/nodes/{name}/status", {"status": status}).ok()
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _precisely()}
        metadata = {"name": name, "namespace": "kube-node-lease"}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        answer = self._api.patch(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}", lease)
        if answer.status == 404:
            self._api.create(lease).ok()

    def _follow(self) -> None:
        """List, then watch, and again when the API server ends the watch."""
        path = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.place.name}"
        while not self._ended.is_set():
            try:
                listed = self._api.get(path).ok()
                there = {pod["metadata"]["uid"] for pod in listed["items"]}
                for uid in self.pods.keys() - there:
                    self._lose(uid)
                for pod in listed["items"]:
                    self._see(pod)
                for event in self._api.watch(path, listed["metadata"]["resourceVersion"]):
                    if event.get("type") == "DELETED":
                        self._lose(event["object"]["metadata"]["uid"])
                    elif event.get("type") in ("ADDED", "MODIFIED"):
                        self._see(event["object"])
                    else:  # the list has to be read again
                        self._ended.wait(0.5)
                        break
            except (OSError, http.client.HTTPException):
                self._ended.wait(0.5)

    def _lose(self, uid: str) -> None:
        if uid in self.pods:
            self.pods[uid].gone()

    def _see(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        with self._taking:
            if self._ended.is_set():
                return
            if uid not in self.pods:
                pod.setdefault("status", {}).update({"podIP": next(self.place.pods), "hostIP": self.place.address})
                self.pods[uid] = _PodHere(pod, self._api, self._images, self._folder)
        if "deletionTimestamp" in pod["metadata"]:
            self.pods[uid].run.stop(pod["metadata"].get("deletionGracePeriodSeconds"))


class _PodHere:
    """A pod that was bound to the node: what runs of it, and what is told of it."""

    def __init__(self, pod: Object, api: ApiClient, images: Images, folder: Path) -> None:
        metadata = pod["metadata"]
        self.name, self.address, self.folder = metadata["name"], pod["status"]["podIP"], folder / metadata["uid"]
        self._pod, self._api = pod, api
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{self.name}"
        self._changed, self._gone = threading.Event(), False
        self._machine = PodMachine(pod, Objects(api, pod), images, self.folder)
        self.run = PodRun(pod["spec"], self._machine, self._prepare, self._changed.set)
        self.run.begin()
        threading.Thread(target=self._tell, daemon=True).start()

    def gone(self) -> None:
        """The API server knows it no more: nobody waits for it, so it ends in a hurry."""
        if not self._gone:
            self._gone = True
            self.run.stop(0)

    def pid(self, container: str) -> int:
        """The process of a container."""
        (run,) = (each for each in (*self.run.inits, *self.run.mains) if each.spec["name"] == container)
        assert run.process is not None, f"{container} of {self.name} was never started"
        return run.process.pid

    def _prepare(self) -> bool:
        try:
            self._machine.prepare()
        except (NotThere, OSError) as reason:
            (self.folder / "waiting.log").write_text(f"{reason}\n")
            return False
        return True

    def _tell(self) -> None:
        """Say each change; when it is over and was to be deleted, that is done."""
        before = self._pod["status"]
        while not self._gone:
            self._changed.wait(1)
            self._changed.clear()
            over = self.run.over.is_set()
            status = status_of(self.run, self.address, self._pod["status"]["hostIP"], before)
            try:
                if status != before:
                    if self._api.patch(f"{self._path}/status", {"status": status}).status == 404:
                        return
                    before = status
                if over and self._forgotten():
                    return
            except (OSError, http.client.HTTPException):
                self._changed.set()

    def _forgotten(self) -> bool:
        """Whether nobody asks for the pod any more, which is seen to here."""
        found = self._api.get(self._path)
        if found.status == 404 or found.body["metadata"]["uid"] != self._pod["metadata"]["uid"]:
            return True
        return "deletionTimestamp" in found.body["metadata"] and self._api.delete(self._path).status in (200, 404)


def _registered(place: Place) -> Object:
    labels = {
        "kubernetes.io/hostname": place.name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": place.zone,
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": place.name, "labels": labels}}


def _condition(kind: str, holds: bool) -> Object:
    return {"type": kind, "status": str(holds), "reason": "Measured", "message": "", "lastHeartbeatTime": now()}


def _precisely() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
