# SPDX-License-Identifier: Apache-2.0
"""A cluster with Argo CD, the platform's policies in force, and releases that were promoted into staging."""

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign import __version__
from policies.output.formats import renderer
from policies.promotion.environment import environment
from policies.promotion.promotion import Conditions, Promotion, promote
from policies.promotion.release import read_release
from policies.verdict.signing_keys import private_pem, public_pem, read_private_key
from tests.charts.rendering import CHART, template
from tests.cluster.api_client import Object
from tests.cluster.argocd import ArgoCd
from tests.cluster.cluster import Cluster
from tests.cluster.metrics import Metrics
from tests.cluster.nodes import Nodes
from tests.conformance.outside import outside
from tests.policies.examples import AS_OF
from tests.tree import ROOT

NAMESPACE: Final = "ml-staging"
APPLICATION: Final = "countersign-staging"
PLATFORM: Final = "countersign-admission"
SIDECAR: Final = "registry.example/countersign/sidecar"
SERVICE_DIGEST: Final = "297e95a8bccf29eb686870883b46e4a2cc6fb98738992fd5fbf3d99e692b6f1e"
ARGO: Final = "system:serviceaccount:argocd:argocd-application-controller"
GATE: Final = f"system:serviceaccount:{NAMESPACE}:countersign-gate"
_FOLDER: Final = "environments/staging"
_KINDS: Final = ("servicemonitors", "prometheusrules")
Files = dict[str, bytes]


class World:
    """Everything that a sync of staging takes part in; made inside the cluster's network."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        cluster.start_scheduler()
        self.cluster, self._folder = cluster, folder
        self._wish = _wish(folder)
        cluster.definitions(*(
            yaml.safe_load(outside(f"monitoring.coreos.com_{kind}.yaml").read_text()) for kind in _KINDS
        ))  # fmt: skip
        cluster.namespace(NAMESPACE)
        key = {"name": "countersign-gate-key", "namespace": NAMESPACE}
        public = (folder / "gate.pub").read_text()
        cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": key, "stringData": {"gate.pub": public}})
        self.nodes = Nodes(cluster.api, folder / "nodes", ("node-a", "node-b"), (SIDECAR,))
        self.metrics = Metrics(cluster, {"service": 60, "sidecar": 20})
        self.argo = ArgoCd(cluster, folder / "argocd")
        self.good = self.promoted()
        # The platform comes first: without its policies nothing is held up, and without its rights no gate passes.
        self.argo.synced(PLATFORM, self._begin("Application", self.argo.platform.commit(policies(), "policies")))
        self._begin("ApplicationSet", self.argo.deploy.commit(self.good, "first release"))

    def end(self) -> None:
        """End what the cluster does not."""
        self.nodes.stop()
        self.metrics.end()
        self.argo.end()

    def promoted(self, digest: str = SERVICE_DIGEST, days_ago: int = 0) -> Files:
        """What `countersign promote` writes for this image; the verdict is of so many days ago."""
        done = self._promote(digest, dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago), AS_OF)
        assert done.files is not None, renderer("text")(done.report)
        return {f"{_FOLDER}/{name}": content for name, content in done.files.items()}

    def not_promoted(self, as_of: dt.date) -> str:
        """Why `countersign promote` writes nothing on that day."""
        done = self._promote(SERVICE_DIGEST, dt.datetime.combine(as_of, dt.time(), dt.UTC), as_of)
        assert done.files is None
        return renderer("text")(done.report)

    def _promote(self, digest: str, now: dt.datetime, as_of: dt.date) -> Promotion:
        wish = self._folder / "staging.yaml"
        wish.write_text(self._wish.replace(SERVICE_DIGEST, digest))
        place, key = environment(self._folder, "staging"), read_private_key(self._folder / "gate.pem")
        conditions = Conditions(__version__, Path("governance"), (), now, as_of, outside("helm"))
        with chdir(ROOT):
            return promote(place, read_release(wish), {}, key, conditions)

    def settle(self) -> str:
        """Bring the good release back, whatever was before; the revision."""
        self.nodes.images = (SIDECAR,)
        revision = self.argo.deploy.commit(self.good, "the good release")
        self.argo.synced(APPLICATION, revision)
        return revision

    def deployment(self) -> Object:
        """What is deployed."""
        return self.cluster.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/countersign").ok()

    def image(self) -> str:
        """What the service runs."""
        (container,) = self.deployment()["spec"]["template"]["spec"]["containers"]
        return str(container["image"])

    def allowed(self) -> dict[str, str]:
        """The gate's list."""
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/countersign-allowed"
        data: dict[str, str] = self.cluster.api.get(path).ok()["data"]
        return data

    def marked(self) -> int:
        """A place in the API server's log."""
        return len(self.cluster.changes())

    def written(self, since: int, user: str = ARGO) -> set[str]:
        """What somebody has changed in the namespace since then, and what the API server let happen."""
        found = set()
        for event in self.cluster.changes()[since:]:
            what, done = event["objectRef"], event.get("responseStatus", {}).get("code", 0) < 300
            is_tried = "dryRun=All" in event["requestURI"]
            if done and not is_tried and event["user"]["username"] == user and what.get("namespace") == NAMESPACE:
                found.add(f"{what['resource']}/{what.get('name', '')}")
        return found

    def gate_said(self) -> str:
        """What the gate's last Job printed."""
        return (self._folder / "nodes" / "jobs.log").read_text().rpartition("countersign-gate-")[2]

    def _begin(self, kind: str, revision: str) -> str:
        self.argo.begin(kind)
        return revision


def changed(files: Mapping[str, bytes], before: str, after: str, only: str = "") -> Files:
    """The files with a text replaced, in those alone whose name holds ``only``."""
    found = {
        name: content.replace(before.encode(), after.encode()) if only in name else content
        for name, content in files.items()
    }
    assert found != files
    return found


def without(files: Mapping[str, bytes], part: str) -> Files:
    """The files but for those whose name holds this."""
    found = {name: content for name, content in files.items() if part not in name}
    assert found != files
    return found


def _wish(folder: Path) -> str:
    """Staging as the repository has it, with a key of our own and a gate that does not wait for long."""
    key = Ed25519PrivateKey.generate()
    (folder / "gate.pem").write_text(private_pem(key))
    (folder / "gate.pub").write_text(public_pem(key.public_key()))
    wish: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "staging.yaml").read_text())
    wish["public_key"] = str(folder / "gate.pub")
    wish["settings"]["gate"] = {"activeDeadlineSeconds": 40}
    return json.dumps(wish)


def policies() -> Files:
    """What the platform's own application applies: the policies over staging."""
    image = yaml.safe_load((ROOT / "environments" / "staging.yaml").read_text())["images"]["sidecar"]
    sets = (
        f'admissionPolicy.namespaces=["{NAMESPACE}"]',
        f'admissionPolicy.writers=["{GATE}"]',
        f'admissionPolicy.gateImage="{image}"',
        'admissionPolicy.levels=["COUNTERSIGN_PROFILE_STAGING"]',
    )
    rendering = template(CHART / "ci" / "admission-policy-values.yaml", sets=sets)
    assert rendering.code == 0, rendering.err
    return {"admission/rendered/all.yaml": rendering.out.encode()}
