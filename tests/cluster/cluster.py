# SPDX-License-Identifier: Apache-2.0
"""A real control plane of Kubernetes, in a network namespace of its own and a folder that goes when it does.

Levels, each on top of the one before: API server (with etcd), controllers, scheduler. Nodes are others' to bring. Only
what it started is ended, by process id, the last first. ``with cluster.network.inside():`` reaches it; the fixtures of
this folder do that for a test.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster.api_client import ApiClient, Object
from tests.cluster.authority import Authority, Identity
from tests.cluster.network import NamespacesRefused, Network
from tests.cluster.program import Program
from tests.cluster.waiting import wait_until
from tests.conformance.outside import outside

# The API server has one address, inside and outside of pods: that of the Service `kubernetes`.
API_ADDRESS: Final = "10.96.0.1"
API_URL: Final = f"https://{API_ADDRESS}:443"
SERVICES: Final = "10.96.0.0/16"
PODS: Final = "10.244.0.0/16"
NODES: Final = "10.0.0.0/24"
_ETCD: Final = "http://127.0.0.1:2379"
_ETCD_PEERS: Final = "http://127.0.0.1:2380"
_KUBECTL_SECONDS: Final = 120


class Cluster:
    """One cluster. ``folder`` holds certificates, logs and state; keep nothing else there."""

    def __init__(self, folder: Path) -> None:
        # Asked for first: without the tools a test is skipped, and nothing has been started.
        for program in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"):
            outside(program)
        self.folder = folder
        self.api_url = API_URL
        self.network = Network(SERVICES, PODS, NODES)
        self.authority = Authority(folder / "certificates", API_URL)
        self._programs: list[Program] = []

    @cached_property
    def admin(self) -> Identity:
        """Who may do everything."""
        return self.authority.identity("admin", "admin", "system:masters")

    @cached_property
    def api(self) -> ApiClient:
        """The API as the admin."""
        return self.client(self.admin)

    def client(self, identity: Identity) -> ApiClient:
        """The API as somebody."""
        return ApiClient(self.api_url, self.authority.certificate, identity)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Program:
        """Start a program of the cluster, inside its network; it ends when the cluster does."""
        with self.network.inside():
            program = Program(name, command, self.folder, environment)
        self._programs.append(program)
        return program

    def running(self, name: str) -> bool:
        """Whether a program of that name was started."""
        return any(program.name == name for program in self._programs)

    def check(self) -> None:
        """Fail when a program has ended by itself."""
        for program in self._programs:
            program.check()

    def end(self, name: str) -> None:
        """End one program, as its host would when it goes down."""
        (program,) = (each for each in self._programs if each.name == name)
        program.stop()
        self._programs.remove(program)

    def stop(self) -> None:
        """End all of them, the last that was started first."""
        while self._programs:
            self._programs.pop().stop()
        self.network.close()

    def kubectl(
        self, *words: str, stdin: str | None = None, identity: Identity | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl, as the admin unless it is to be somebody else."""
        who = (identity or self.admin).kubeconfig
        command = [str(outside("kubectl")), f"--kubeconfig={who}", f"--cache-dir={self.folder / 'kubectl'}", *words]
        with self.network.inside():
            return subprocess.run(
                command, input=stdin, capture_output=True, text=True, check=False, timeout=_KUBECTL_SECONDS
            )

    def start_api(self) -> None:
        """The API server and its etcd; ready when this returns."""
        if self.running("kube-apiserver"):
            return
        self.start("etcd", _etcd(self.folder))
        self.start("kube-apiserver", self._api_server())
        with self.network.inside():
            wait_until("the API server is ready", self._ready)

    def start_controllers(self) -> None:
        """The controller manager; accounts are made for namespaces when this returns."""
        self.start_api()
        if self.running("kube-controller-manager"):
            return
        identity = self.authority.identity("controllers", "system:kube-controller-manager")
        self.start("kube-controller-manager", [
            str(outside("kube-controller-manager")), f"--kubeconfig={identity.kubeconfig}", "--bind-address=127.0.0.1",
            f"--service-account-private-key-file={self.authority.token_key}",
            f"--root-ca-file={self.authority.certificate}", "--use-service-account-credentials=true",
            "--leader-elect=false", "--controllers=*",
            # Autoscaling within seconds instead of minutes; its arithmetic is as it is.
            "--horizontal-pod-autoscaler-sync-period=2s", "--horizontal-pod-autoscaler-downscale-stabilization=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
        ])  # fmt: skip
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        with self.network.inside():
            wait_until("the controllers work", lambda: self._seen(account))

    def start_scheduler(self) -> None:
        """The scheduler."""
        self.start_controllers()
        if self.running("kube-scheduler"):
            return
        identity = self.authority.identity("scheduler", "system:kube-scheduler")
        self.start("kube-scheduler", [
            str(outside("kube-scheduler")), f"--kubeconfig={identity.kubeconfig}", "--bind-address=127.0.0.1",
            "--leader-elect=false",
        ])  # fmt: skip

    def apply(self, *items: Object) -> None:
        """Make these objects what they are here, as the admin."""
        for item in items:
            self.api.apply(item).ok()

    def namespace(self, name: str, **labels: str) -> str:
        """A namespace that allows restricted pods alone and has the default account."""
        level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        metadata = {"name": name, "labels": {**level, **labels}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        if self.running("kube-controller-manager"):
            account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
            wait_until(f"{name} has its account", lambda: self._seen(account))
        return name

    def definitions(self, *documents: Object) -> None:
        """Kinds of others; known to the API server when this returns."""
        for item in documents:
            self.api.apply(item).ok()
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{item['metadata']['name']}"
            wait_until(f"{item['metadata']['name']} is served", lambda path=path: self._established(path))  # type: ignore[misc]

    def _established(self, path: str) -> bool:
        conditions = self.api.get(path).ok().get("status", {}).get("conditions") or ()
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    def _ready(self) -> bool:
        self.check()
        try:
            return self.api.get("/readyz").status == 200
        except OSError:
            return False

    def _seen(self, path: str) -> bool:
        self.check()
        return self.api.get(path).status == 200

    def _api_server(self) -> list[str]:
        server = self.authority.identity("api-server", "kube-apiserver", addresses=(API_ADDRESS, "127.0.0.1"))
        proxy = self.authority.identity("front-proxy", "front-proxy")
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY))
        return [
            str(outside("kube-apiserver")), f"--etcd-servers={_ETCD}", f"--bind-address={API_ADDRESS}",
            "--secure-port=443", f"--advertise-address={API_ADDRESS}", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={server.certificate}", f"--tls-private-key-file={server.key}",
            f"--client-ca-file={self.authority.certificate}", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction", "--anonymous-auth=false",
            f"--service-cluster-ip-range={SERVICES}", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.authority.token_public}",
            f"--service-account-signing-key-file={self.authority.token_key}",
            f"--requestheader-client-ca-file={self.authority.certificate}",
            "--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.certificate}", f"--proxy-client-key-file={proxy.key}",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}",
        ]  # fmt: skip

    @property
    def audit_log(self) -> Path:
        """The API server's own record of every change, a JSON object each line."""
        return self.folder / "audit.log"

    def changes(self) -> list[dict[str, Any]]:
        """What the audit log holds by now."""
        return [json.loads(line) for line in self.audit_log.read_text().splitlines()]


_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "verbs": ["create", "update", "patch", "delete"],
            "resources": [
                {"group": group} for group in ("", "apps", "autoscaling", "batch", "networking.k8s.io", "policy")
            ],
        },
        {"level": "None"},
    ],
}


def _etcd(folder: Path) -> list[str]:
    return [
        str(outside("etcd")), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}", f"--listen-peer-urls={_ETCD_PEERS}",
        f"--initial-advertise-peer-urls={_ETCD_PEERS}", f"--initial-cluster=default={_ETCD_PEERS}",
    ]  # fmt: skip


@contextlib.contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    """A cluster of which nothing runs yet, and nothing more when the block ends.

    Where there are no tools or no namespaces the test is skipped, and fails under COUNTERSIGN_REQUIRE_TOOLS.
    """
    try:
        cluster = Cluster(folder)
    except NamespacesRefused as refused:
        if os.environ.get("COUNTERSIGN_REQUIRE_TOOLS"):
            pytest.fail(str(refused))
        pytest.skip(str(refused))
    try:
        yield cluster
    finally:
        cluster.stop()
