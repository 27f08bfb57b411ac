# SPDX-License-Identifier: Apache-2.0
"""Staging with everything behind it: control plane, Argo CD, PostgreSQL, nodes that run pods, metrics, Services.

The release is the repository's own wish for staging, with these differences: addresses and keys of this test; a CPU
request small enough for two pods to be busy on a small machine.
"""

import base64
import datetime as dt
import itertools
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign import __version__
from policies.output.formats import renderer
from policies.promotion.environment import environment
from policies.promotion.promotion import Conditions, promote
from policies.promotion.release import read_release
from policies.verdict.signing_keys import private_pem, public_pem, read_private_key
from tests.cluster.argocd import ArgoCd
from tests.cluster.cluster import Cluster
from tests.cluster.gitops_world import APPLICATION, NAMESPACE, PLATFORM, policies
from tests.cluster.kubelet.database import Database
from tests.cluster.kubelet.model_versions import MODEL, ModelVersion
from tests.cluster.kubelet.node import Node, Place
from tests.cluster.kubelet.usage import Usage
from tests.cluster.metrics import Metrics
from tests.cluster.waiting import wait_for
from tests.conformance.outside import outside
from tests.end_to_end.living import countersign
from tests.policies.examples import AS_OF
from tests.tree import ROOT

Object = dict[str, Any]
_KINDS: Final = ("servicemonitors", "prometheusrules")
_CPU_REQUEST: Final = "50m"


class ServedRelease:
    """Made inside the cluster's network; nothing is promoted yet."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        cluster.start_scheduler()
        self.cluster, self._folder = cluster, folder
        self._ends: list[Callable[[], None]] = []
        try:
            self._make(cluster, folder)
        except BaseException:
            self.end()
            raise

    def _make(self, cluster: Cluster, folder: Path) -> None:
        cluster.definitions(*(
            yaml.safe_load(outside(f"monitoring.coreos.com_{kind}.yaml").read_text()) for kind in _KINDS
        ))  # fmt: skip
        cluster.namespace(NAMESPACE)
        self._wish: Object = yaml.safe_load((ROOT / "environments" / "staging.yaml").read_text())
        self.keys = folder / "keys"
        made = countersign("keygen", "--origin", "log.example.com/staging", "--out", str(self.keys))
        assert made.returncode == 0, made
        self.database = Database(cluster.authority, self.keys / "log.key")
        self._ends.append(self.database.end)
        self.tokens = {role: self._token(role) for role in ("consumer", "auditor")}
        self._give_secrets()
        self.images: dict[str, dict[str, Path]] = {self._wish["images"]["sidecar"]: {}}
        pods = (f"10.244.{number // 250}.{number % 250 + 1}" for number in itertools.count())
        self.nodes = [
            Node(cluster, Place(f"node-{zone}", f"10.0.0.{number}", f"zone-{zone}", pods), self.images, folder / zone)
            for number, zone in enumerate("ab", 1)
        ]
        self._ends.extend(node.stop for node in self.nodes)
        self.usage = Usage(self.nodes)
        self._ends.append(self.usage.end)
        self._ends.append(Metrics(cluster, {}, self.usage.of).end)
        self._start_addresses()
        self.argo = ArgoCd(cluster, folder / "argocd")
        self._ends.append(self.argo.end)
        revision = self.argo.platform.commit(policies(), "policies")
        self.argo.begin("Application")
        self.argo.synced(PLATFORM, revision)
        self.argo.begin("ApplicationSet")

    def end(self) -> None:
        """End what the cluster does not, the last first."""
        while self._ends:
            self._ends.pop()()

    def release(self, model: ModelVersion) -> None:
        """Promote, commit and push a version as an image of its own; Argo CD has synced it when this returns."""
        digest = f"{int(model.version.replace('.', '')):064x}"
        image = f"{self._wish['images']['service'].partition('@')[0]}@sha256:{digest}"
        self.images[image] = {"/bundle": model.bundle}
        wish = self._folder / "staging.yaml"
        wish.write_text(json.dumps(self._wished(model, image)))
        conditions = Conditions(__version__, model.governance, (), dt.datetime.now(dt.UTC), AS_OF, outside("helm"))
        key = read_private_key(self._folder / "gate.pem")
        with chdir(ROOT):
            done = promote(environment(self._folder, "staging"), read_release(wish), {}, key, conditions)
        assert done.files is not None, renderer("text")(done.report)
        files = {f"environments/staging/{name}": content for name, content in done.files.items()}
        self.argo.synced(APPLICATION, self.argo.deploy.commit(files, f"{MODEL} {model.version}"))

    def deployed(self, what: str, wanted: Callable[[Object], bool], patience: float = 240) -> Object:
        """Wait for a status of the Deployment."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/countersign"
        return wait_for(what, lambda: self.cluster.api.get(path).body.get("status", {}), wanted, patience)

    def service(self) -> tuple[str, int]:
        """Address and port of the Service."""
        spec = self.cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/countersign").ok()["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    def pods(self) -> list[Object]:
        """The pods that serve and are not on their way out, the eldest first."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3Dservice"
        found = [pod for pod in self.cluster.api.items(path) if "deletionTimestamp" not in pod["metadata"]]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def running(self) -> bool:
        """Whether anything of a pod runs on a node."""
        return any(not pod.run.over.is_set() for node in self.nodes for pod in node.pods.values())

    def said(self, container: str) -> dict[str, str]:
        """Everything that containers of this name have printed, by pod."""
        return {
            pod.name: "".join(log.read_text(errors="replace") for log in sorted(pod.folder.glob(f"{container}-*.log")))
            for node in self.nodes
            for pod in node.pods.values()
        }

    def pid(self, pod: str, container: str) -> int:
        """The process of a container of a pod."""
        (found,) = (here for node in self.nodes if (here := node.named(pod)) is not None)
        return found.pid(container)

    def _wished(self, model: ModelVersion, image: str) -> Object:
        store = {**self._wish["settings"]["store"]["postgresql"], "url": self.database.url}
        settings = {
            **self._wish["settings"],
            "store": {"mode": "postgresql", "postgresql": store},
            "gate": {"activeDeadlineSeconds": 60},
            "service": {"resources": {"requests": {"cpu": _CPU_REQUEST}}},
        }
        public, images = str(self._folder / "gate.pub"), {**self._wish["images"], "service": image}
        return {**self._wish, "bundle": str(model.bundle), "images": images, "public_key": public, "settings": settings}

    def _token(self, role: str) -> str:
        words = ["token", f"a-{role}", "--role", role, "--tokens", str(self._folder / "tokens.toml")]
        made = countersign(*words)
        assert made.returncode == 0, made
        return made.stdout.strip().splitlines()[0].split()[-1]

    def _give_secrets(self) -> None:
        """What people make and the chart only names."""
        key = Ed25519PrivateKey.generate()
        (self._folder / "gate.pem").write_text(private_pem(key))
        (self._folder / "gate.pub").write_text(public_pem(key.public_key()))
        texts = {
            "countersign-gate-key": {"gate.pub": public_pem(key.public_key())},
            "countersign-log-key": {"log.key": (self.keys / "log.key").read_text()},
            "countersign-subject-key": {"subject.key": (self.keys / "subject.key").read_text()},
            "countersign-tokens": {"tokens.toml": (self._folder / "tokens.toml").read_text()},
            "countersign-audit-token": {"token": self.tokens["auditor"]},
            "countersign-database": {"password": self.database.password},
        }
        self.cluster.apply(*(_secret(name, data) for name, data in texts.items()))
        authorities = {"ca.crt": self.cluster.authority.certificate.read_text()}
        metadata = {"name": "database-ca", "namespace": NAMESPACE}
        self.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": authorities})

    def _start_addresses(self) -> None:
        authority = self.cluster.authority
        identity = authority.identity("service-addresses", "system:kube-proxy")
        arguments = (self.cluster.api_url, authority.certificate, identity.certificate, identity.key)
        module = "tests.cluster.kubelet.service_addresses"
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self.cluster.start("service-addresses", command, {"PYTHONPATH": str(ROOT)})


def _secret(name: str, data: Mapping[str, str]) -> Object:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": encoded}
