# SPDX-License-Identifier: Apache-2.0
"""Real Argo CD over a cluster: application controller, set controller, repo server and Redis.

What it is told are the objects of gitops/argocd with the test's addresses and key in the place of the examples, shorter
pauses and one retry instead of two; nothing else of them is changed. Its API server and user interface are left out: a
person's sync is the ``operation`` that they would write into the Application.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from contracts.yaml_document import read_yaml_stream
from tests.cluster.api_client import Object
from tests.cluster.cluster import Cluster
from tests.cluster.repositories import Repository, Signer, daemon
from tests.cluster.waiting import PATIENCE_SECONDS, wait_for, wait_until
from tests.conformance.outside import outside
from tests.tree import ROOT

NAMESPACE: Final = "argocd"
_RETRY: Final = {"limit": 1, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "2s"}}
_OBJECTS: Final = ROOT / "gitops" / "argocd"
_APPLICATIONS: Final = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
_EXAMPLES: Final = {"https://git.example/deploy.git": "deploy", "https://git.example/platform.git": "platform"}
_EXAMPLE_KEYS: Final = ("0123456789ABCDEF", "FEDCBA9876543210")
# As its own installation has them: without these objects it does not start.
_PART: Final = {"app.kubernetes.io/part-of": "argocd"}
_EMPTY: Final = ("argocd-cmd-params-cm", "argocd-rbac-cm", "argocd-gpg-keys-cm", "argocd-ssh-known-hosts-cm")


class ArgoCd:
    """Argo CD, its repositories ``deploy`` and ``platform``, and the person who signs commits to them."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        programs = {name: outside(name) for name in _PROGRAMS}
        self._cluster, self._folder = cluster, folder
        for name in ("served", "tls", "ssh", "keys", "gpg", "plugins", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        (folder / "gpg").chmod(0o700)
        self.signer = Signer(folder / "person")
        self.deploy = Repository(folder / "served", "deploy", self.signer)
        self.platform = Repository(folder / "served", "platform", self.signer)
        (folder / "keys" / self.signer.key_id).write_text(self.signer.public)
        for definition in sorted(outside("crds").glob("*.yaml")):
            cluster.definitions(yaml.safe_load(definition.read_text()))
        cluster.apply(*_installation())
        cluster.apply(*(item for item in self._objects() if item["kind"] in ("AppProject", "ConfigMap")))
        cluster.start("git-daemon", daemon(folder / "served"))
        cluster.start("redis", [str(programs["redis-server"]), "--bind", "127.0.0.1", "--save", ""])
        self._start(programs)

    def end(self) -> None:
        """What the cluster does not end."""
        self.signer.end()

    def begin(self, kind: str) -> None:
        """Have it watch a repository: the platform's by its `Application`, the releases' by the `ApplicationSet`."""
        self._cluster.apply(*(item for item in self._objects() if item["kind"] == kind))

    def application(self, name: str) -> Object:
        """The Application; empty until the set controller has made it."""
        answer = self._cluster.api.get(f"{_APPLICATIONS}/{name}")
        return answer.body if answer.status == 200 else {}

    def refresh(self, name: str) -> None:
        """Do not wait for the next look at the repository."""
        change = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
        self._cluster.api.patch(f"{_APPLICATIONS}/{name}", change).ok()

    def sync(self, name: str, revision: str, **sync: Any) -> Object:
        """What a person would ask for; how that ended."""
        wait_until("no operation is under way", lambda: "operation" not in self.application(name))
        before = self.application(name).get("status", {}).get("operationState", {}).get("startedAt")
        operation = {"initiatedBy": {"username": "somebody"}, "sync": {"revision": revision, **sync}}
        self._cluster.api.patch(f"{_APPLICATIONS}/{name}", {"operation": operation}).ok()

        def state() -> Object:
            found: Object = self.application(name)["status"].get("operationState", {})
            return found

        return wait_for(
            f"a sync of {revision} ends", state,
            lambda found: found.get("startedAt") != before and found.get("phase") in ("Succeeded", "Failed", "Error"),
        )  # fmt: skip

    def synced(self, name: str, revision: str) -> Object:
        """Wait until all that a revision asks for is there, by itself; the Application."""
        wait_until(f"there is {name}", lambda: bool(self.application(name)))
        self.refresh(name)
        return wait_for(
            f"{name} is at {revision}", lambda: self.application(name),
            lambda found: (said := found.get("status", {}).get("sync", {})).get("status") == "Synced"
            and said["revision"] == revision,
        )  # fmt: skip

    def refused(self, name: str, revision: str) -> Object:
        """Wait until it has given up to sync a revision by itself; the state of that operation."""
        self.refresh(name)

        def state() -> Object:
            found: Object = self.application(name)["status"].get("operationState", {})
            return found

        return wait_for(
            f"{name} gives up {revision}", state,
            lambda found: found.get("phase") in ("Failed", "Error")
            and found.get("operation", {}).get("sync", {}).get("revision") == revision,
            2 * PATIENCE_SECONDS,
        )  # fmt: skip

    def _objects(self) -> list[Object]:
        """The objects of the repository, for here."""
        addresses = {example: getattr(self, name).url for example, name in _EXAMPLES.items()}
        found = []
        for file in sorted(_OBJECTS.glob("*.yaml")):
            text = file.read_text()
            for example, here in {**addresses, **dict.fromkeys(_EXAMPLE_KEYS, self.signer.key_id)}.items():
                text = text.replace(example, here)
            found += [each.value for each in read_yaml_stream(text.encode(), str(file)) if each.value]
        for item in found:
            if item["kind"] == "ApplicationSet":
                item["spec"]["template"]["spec"]["syncPolicy"]["retry"] = _RETRY
            if item["metadata"]["name"] == "argocd-cm":
                item["data"] |= {"timeout.reconciliation": "10s", "timeout.reconciliation.jitter": "0s"}
        return found

    def _start(self, programs: Mapping[str, Path]) -> None:
        user = "system:serviceaccount:argocd:argocd-application-controller"
        folder, identity = self._folder, self._cluster.authority.identity("argocd", user)
        environment = {
            "KUBECONFIG": str(identity.kubeconfig), "ARGOCD_FAKE_IN_CLUSTER": "true", "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"), "ARGOCD_TLS_DATA_PATH": str(folder / "tls"),
            "ARGOCD_SSH_DATA_PATH": str(folder / "ssh"), "ARGOCD_GNUPGHOME": str(folder / "gpg"),
            "ARGOCD_GPG_DATA_PATH": str(folder / "keys"), "ARGOCD_PLUGINSOCKFILEPATH": str(folder / "plugins"),
            "PATH": f"{programs['argocd-repo-server'].parent}:/usr/local/bin:/usr/bin:/bin",
        }  # fmt: skip
        server, redis = "127.0.0.1:8081", ["--redis", "127.0.0.1:6379"]
        for name, words in {
            "argocd-repo-server": [
                "--address", "127.0.0.1", "--port", "8081", "--metrics-address", "127.0.0.1", "--metrics-port", "8084",
                "--disable-tls", "--client-ca-path", "", *redis,
            ],
            "argocd-application-controller": [
                "--namespace", NAMESPACE, "--repo-server", server, "--repo-server-plaintext", "--app-resync", "20",
                "--metrics-port", "8082", "--self-heal-timeout-seconds", "2", *redis,
            ],
            "argocd-applicationset-controller": [
                "--namespace", NAMESPACE, "--argocd-repo-server", server, "--repo-server-plaintext", "--metrics-addr",
                "127.0.0.1:8085", "--probe-addr", "127.0.0.1:8086", "--webhook-addr", "127.0.0.1:7000",
            ],
        }.items():  # fmt: skip
            self._cluster.start(name, [str(programs[name]), *words], environment)


_PROGRAMS: Final = (
    "argocd-application-controller", "argocd-applicationset-controller", "argocd-repo-server", "redis-server", "crds"
)  # fmt: skip


def _installation() -> list[Object]:
    """Its namespace, its rights (as its own installation gives them) and the settings that it cannot do without."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    role = {"name": "argocd-application-controller"}
    subject = {"kind": "ServiceAccount", "name": "argocd-application-controller", "namespace": NAMESPACE}
    group = "rbac.authorization.k8s.io"
    maps = [_named("ConfigMap", name, data={}) for name in _EMPTY]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": role, "rules": rules},
        {
            "apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": role, "subjects": [subject],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", **role},
        },
        *maps,
        _named("Secret", "argocd-secret", stringData={"server.secretkey": "of this test alone"}),
    ]  # fmt: skip


def _named(kind: str, name: str, **more: Any) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {**_PART, "app.kubernetes.io/name": name}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def message(state: Object) -> str:
    """Everything that an operation says about why it ended as it did."""
    results = state.get("syncResult", {}).get("resources", [])
    return json.dumps([state.get("message"), *(each.get("message") for each in results)])
