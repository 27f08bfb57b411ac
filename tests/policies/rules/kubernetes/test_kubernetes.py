# SPDX-License-Identifier: Apache-2.0
"""Each rule on a good rendering, and on one with a single thing taken away or made false."""

from decimal import Decimal
from types import ModuleType
from typing import Any, Final

import pytest

from contracts.image import Image
from policies.rules.kubernetes import (
    availability,
    bound_to_release,
    image_digest,
    network_policy,
    pod_security,
    references,
)
from policies.rules.kubernetes.family import MODULES
from policies.rules.kubernetes.image_digest import image_subjects
from policies.rules.kubernetes.quantities import quantity
from policies.targets.manifests import read_manifests
from tests.policies.examples import bundle, manifests, run
from tests.policies.rendering import FIXTURES, GONE, Change, add, put, rendered

DEPLOYMENT: Final = "Deployment/spec/template/spec"
SERVICE: Final = f"{DEPLOYMENT}/containers/0"
SIDECAR: Final = f"{DEPLOYMENT}/initContainers/0"
GATE: Final = "Job/spec/template/spec"
GIVEN: Final = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
NOTES: Final = "Deployment/spec/template/metadata/annotations/countersign.dev~"
PLAIN_INIT: Final[dict[str, Any]] = {
    "name": "prepare",
    "image": f"registry.example/prepare@{GIVEN}",
    "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}},
    "readinessProbe": {"exec": {"command": ["true"]}},
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_a_good_rendering_passes(module: ModuleType) -> None:
    """Nothing is wrong with it, and the judgement says what was established."""
    judgement = module.check(rendered(), run(bundle()))
    assert judgement.findings == ()
    assert judgement.note


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_a_rendering_without_pods_is_no_pass(module: ModuleType) -> None:
    """One rule fails, and the others say that they were not asked."""
    empty = rendered(put("Deployment", GONE), put("Job", GONE))
    judgement = module.check(empty, run(bundle()))
    assert bool(judgement.findings) == (module is image_digest)
    assert bool(judgement.not_applicable) == (module is not image_digest)


MISTAKES: Final[list[tuple[ModuleType, Change, str]]] = [
    (image_digest, put(f"{SERVICE}/image", GONE), "not named by its digest"),
    (image_digest, put(f"{SERVICE}/image", "registry.example/m:1.0.0"), "not named by its digest"),
    (image_digest, put(f"{SERVICE}/image", "registry.example/m@sha256:abc"), "not named by its digest"),
    (image_digest, put(f"{SIDECAR}/image", f"registry.example/m@sha256:{'0' * 64}"), "is a placeholder"),
    (image_digest, put(f"{GATE}/containers/0/image", "registry.example/gate:latest"), "container gate"),
    (image_digest, put(f"{GATE}/containers/0/image", f"registry.example/countersign/sidecar@{GIVEN}"), "another build"),
    (bound_to_release, put(f"{NOTES}card", GONE), "no annotation countersign.dev/card"),
    (bound_to_release, put(f"{NOTES}card", GIVEN), "not that of a bundle"),
    (bound_to_release, put(f"{NOTES}artifact", GIVEN), "not that of a bundle"),
    (bound_to_release, put(f"{NOTES}verdict", "TBD"), "placeholder in countersign.dev/verdict"),
    (bound_to_release, put(f"{NOTES}verdict", f"sha256:{'ab' * 32}"), "placeholder in countersign.dev/verdict"),
    (bound_to_release, put("Deployment/metadata/labels", {"countersign.dev/gate": "x"}), "escapes the manifests"),
    (bound_to_release, put("Service/metadata/labels", {"countersign.dev/gate": "x"}), "escapes the manifests"),
    (
        bound_to_release,
        put("NetworkPolicy:telco-watson/metadata/labels", {"countersign.dev/gate": "x"}),
        "escapes the manifests",
    ),
    (pod_security, put(f"{SIDECAR}/securityContext", GONE), "container audit may gain privileges"),
    (pod_security, put(f"{GATE}/securityContext", GONE), "container gate may run as root"),
    (pod_security, put(f"{SERVICE}/securityContext/runAsNonRoot", False), "may run as root"),
    (pod_security, put(f"{SERVICE}/securityContext/runAsUser", 0), "runs as user 0"),
    (pod_security, put(f"{SERVICE}/securityContext/privileged", "yes"), "is privileged"),
    (pod_security, put(f"{SERVICE}/securityContext/allowPrivilegeEscalation", "no"), "may gain privileges"),
    (pod_security, put(f"{SERVICE}/securityContext/readOnlyRootFilesystem", False), "root file system"),
    (pod_security, put(f"{SERVICE}/securityContext/capabilities", {"drop": ["NET_RAW"]}), "keeps capabilities"),
    (pod_security, put(f"{SERVICE}/securityContext/capabilities/add", ["SYS_ADMIN"]), "adds capabilities"),
    (pod_security, put(f"{SERVICE}/securityContext/procMount", "Unmasked"), "unmasks /proc"),
    (pod_security, put(f"{SERVICE}/securityContext/seccompProfile", {"type": "Unconfined"}), "no seccomp profile"),
    (pod_security, put(f"{DEPLOYMENT}/automountServiceAccountToken", GONE), "token for the cluster's API"),
    (pod_security, put(f"{DEPLOYMENT}/hostNetwork", True), "sets hostNetwork"),
    (pod_security, put(f"{DEPLOYMENT}/shareProcessNamespace", True), "sets shareProcessNamespace"),
    (pod_security, put(f"{DEPLOYMENT}/securityContext/sysctls", [{"name": "kernel.msgmax"}]), "unsafe sysctl"),
    (pod_security, put(f"{DEPLOYMENT}/volumes/0", {"name": "evidence", "hostPath": {"path": "/"}}), "not harmless"),
    (
        pod_security,
        put(f"{DEPLOYMENT}/volumes/2", {"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}),
        "projects a token",
    ),
    (pod_security, put(f"{SERVICE}/ports/0/hostPort", 80), "takes a port of its node"),
    (availability, put(f"{SIDECAR}/resources/requests/cpu", GONE), "container audit has no requests.cpu"),
    (availability, put(f"{SERVICE}/resources/limits/memory", "512Mib"), "invalid limits.memory"),
    (availability, put(f"{SERVICE}/resources/limits/memory", "256Mi"), "may use less memory"),
    (availability, put(f"{GATE}/containers/0/resources", GONE), "container gate has no requests.cpu"),
    (availability, put(f"{SIDECAR}/startupProbe", GONE), "container audit has no startupProbe"),
    (availability, put(f"{SERVICE}/livenessProbe", {"periodSeconds": 3}), "no livenessProbe that asks"),
    (availability, put(f"{SERVICE}/readinessProbe/httpGet/port", "web"), "asks a port that"),
    (availability, put(f"{DEPLOYMENT}/initContainers/1", PLAIN_INIT), "cannot have a readinessProbe"),
    (availability, put(f"{DEPLOYMENT}/terminationGracePeriodSeconds", 12), "no time to end"),
    (availability, put("Deployment/spec/replicas", 2), "which its autoscaler sets, too"),
    (availability, put("HorizontalPodAutoscaler", GONE), "fewer pods than its tier"),
    (availability, put("HorizontalPodAutoscaler/spec/minReplicas", 1), "fewer pods than its tier"),
    (availability, put("HorizontalPodAutoscaler/spec/maxReplicas", 1), "has no range"),
    (availability, put("HorizontalPodAutoscaler/spec/metrics", []), "measures nothing"),
    (availability, put("HorizontalPodAutoscaler/spec/metrics/1/type", "Contaner"), "of no kind that there is"),
    (
        availability,
        put("HorizontalPodAutoscaler/spec/metrics/1/containerResource/container", "inference"),
        "names a container that the pod has not",
    ),
    (availability, put("PodDisruptionBudget", GONE), "no PodDisruptionBudget selects"),
    (availability, put("PodDisruptionBudget/spec/selector/matchLabels", {"app": "other"}), "no PodDisruptionBudget"),
    (availability, put("PodDisruptionBudget/spec/minAvailable", 1), "sets minAvailable and maxUnavailable"),
    (availability, put("PodDisruptionBudget/spec/maxUnavailable", 0), "lets no pod go"),
    (availability, put("PodDisruptionBudget/spec/maxUnavailable", "100%"), "lets all pods go"),
    (availability, put("PodDisruptionBudget/spec/maxUnavailable", "some"), "is no number"),
    (network_policy, put("NetworkPolicy:telco-watson", GONE), "cuts Deployment telco-watson off for ingress"),
    (network_policy, put("NetworkPolicy:telco-watson-gate", GONE), "cuts Job telco-watson-gate-"),
    (network_policy, put("NetworkPolicy:telco-watson/spec/policyTypes", ["Ingress"]), "off for egress"),
    (network_policy, put("NetworkPolicy:telco-watson/spec/podSelector", {"matchLabels": {"a": "b"}}), "off for"),
    (network_policy, put("NetworkPolicy:telco-watson/spec/ingress/0", {}), "opens ingress to or from anyone"),
    (network_policy, put("NetworkPolicy:telco-watson/spec/ingress/0/from/0", {}), "opens ingress to or from anyone"),
    (
        network_policy,
        put("NetworkPolicy:telco-watson/spec/ingress/0/from/0/namespaceSelector", {}),
        "every pod of the cluster",
    ),
    (network_policy, put("NetworkPolicy:telco-watson/spec/egress/1/to/0/ipBlock/cidr", "::/0"), "the internet"),
    (network_policy, put("NetworkPolicy:telco-watson/spec/egress/1/to/0/ipBlock/cidr", "all"), "the internet"),
    (references, put("Deployment/spec/selector/matchLabels", {"app": "other"}), "selects not its own pods"),
    (references, put("Deployment/spec/selector", GONE), "selects not its own pods"),
    (references, put("Service/spec/selector", {"app": "other"}), "selects no pod"),
    (references, put("Service/spec/ports/0/targetPort", "web"), "a port that its pods do not name"),
    (references, put("HorizontalPodAutoscaler/spec/scaleTargetRef/name", "other"), "that is not rendered"),
    (references, put("PodDisruptionBudget/spec/selector", {"matchLabels": {"app": "other"}}), "selects no pod"),
    (references, put(f"{SERVICE}/volumeMounts/0/name", "spool"), "mounts a volume that is not there"),
    (references, put(f"{SERVICE}/ports/0/name", "a-name-beyond-fifteen"), "a port with a name that is none"),
    (references, put(f"{SERVICE}/ports/0/name", "audit"), "a port with a name that is none"),
    (references, put(f"{SIDECAR}/restartPolicy", "Sometimes"), "a restart policy that is none"),
    (references, put(f"{SERVICE}/name", "audit"), "a name that is taken"),
    (references, put("Service/metadata/name", "Telco_Watson"), "a name that Kubernetes does not take"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "change", "what"), MISTAKES, ids=[f"{module.RULE.id}-{what}" for module, _, what in MISTAKES]
)
def test_a_single_mistake_is_found_where_it_stands(module: ModuleType, change: Change, what: str) -> None:
    """What is missing or false is named, with a place in the file and what was wanted."""
    judgement = module.check(rendered(change), run(bundle()))
    found = [finding for finding in judgement.findings if what in finding.message]
    assert found, judgement.findings
    for finding in found:
        assert finding.place.file == "rendered/all.yaml"
        assert finding.place.line > 1
        assert finding.wanted


def test_a_policy_of_another_namespace_isolates_nothing() -> None:
    """A policy acts in its own namespace alone."""
    apart = rendered(
        put("NetworkPolicy:telco-watson/metadata/namespace", "other"), put("Deployment/metadata/namespace", "models")
    )
    messages = [finding.message for finding in network_policy.check(apart, run(bundle())).findings]
    assert messages == [
        f"no NetworkPolicy cuts Deployment telco-watson off for {direction}" for direction in ("ingress", "egress")
    ]


def test_what_makes_pods_in_an_unknown_kind_is_judged_too() -> None:
    """A custom resource with a pod in it is found by its shape."""
    odd = add({
        "apiVersion": "example.dev/v1", "kind": "Odd", "metadata": {"name": "odd"},
        "spec": {"workers": [{"podSpec": {"containers": [{"name": "x", "image": "x:latest"}]}}]},
    })  # fmt: skip
    assert any("container x" in finding.message for finding in image_digest.check(rendered(odd), run()).findings)
    assert any("container x" in finding.message for finding in pod_security.check(rendered(odd), run()).findings)


def test_a_stricter_tier_asks_for_more_pods() -> None:
    """Two are enough at tier medium, and one too few at tier high."""
    (finding,) = availability.check(rendered(), run(bundle({"governance_tier": "High Risk"}))).findings
    assert (finding.seen, finding.wanted) == ("2", "at least 3")
    assert availability.check(rendered(), run()).findings == ()


def test_the_fixture_is_a_target() -> None:
    """The same files, read as the gate reads them, pass every rule that needs no bundle."""
    target = read_manifests(str(FIXTURES / "rendered"))
    for module in MODULES:
        if module is not bound_to_release:
            assert module.check(target, run()).findings == ()


@pytest.mark.parametrize(
    ("text", "amount"),
    [("100m", "0.1"), ("64Mi", "67108864"), ("1e3", "1000"), (2, "2"), (0.5, "0.5"), ("1.5Gi", "1610612736")],
)
def test_quantities_are_read_as_kubernetes_does(text: object, amount: str) -> None:
    """Suffixes of both kinds and exponents."""
    assert quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["512Mib", "1 Gi", "", "-1", "0", "lots", True, None, ["1"]])
def test_what_is_no_quantity_is_none(text: object) -> None:
    """Nothing is guessed."""
    assert quantity(text) is None


def test_what_was_not_released_does_not_run() -> None:
    """Where the released images are named, a container beside them is found, whatever its digest."""
    whole = manifests(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: model}
        spec:
          initContainers:
            - {name: audit, image: "registry.example/sidecar:2@sha256:SIDECAR"}
          containers:
            - {name: service, image: "registry.example/model@sha256:MODEL"}
        """.replace("SIDECAR", "5d" * 31 + "aa").replace("MODEL", "6e" * 31 + "bb")
    )
    model, sidecar = (
        Image("registry.example/model", "6e" * 31 + "bb"),
        Image("registry.example/sidecar", "5d" * 31 + "aa"),
    )
    assert image_subjects(whole) == {
        "image/registry.example/model": model.digest,
        "image/registry.example/sidecar": sidecar.digest,
    }
    assert image_digest.check(whole, run(images=(model, sidecar))).findings == ()
    (found,) = image_digest.check(whole, run(images=(model,))).findings
    assert found.message == "container audit runs an image that was not released"
    (other,) = image_digest.check(whole, run(images=(sidecar, model._replace(digest="7f" * 31 + "cc")))).findings
    assert other.message == "container service runs an image that was not released"
