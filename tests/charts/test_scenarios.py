# SPDX-License-Identifier: Apache-2.0
"""Every scenario below ci/ renders by itself, alike under both helms, into what five versions of Kubernetes know."""

from pathlib import Path

import pytest

from tests.charts.faults import CUSTOM, VERSIONS, by_schema, faults
from tests.charts.rendering import (
    CHART,
    HELMS,
    SCENARIOS,
    WHOLE,
    WITH_PODS,
    container,
    containers,
    helm,
    of,
    one,
    pods,
    scenario,
    template,
)


def by_name(file: Path) -> str:
    return file.name.removesuffix("-values.yaml")


@pytest.mark.parametrize("program", HELMS)
@pytest.mark.parametrize("file", SCENARIOS, ids=by_name)
def test_helm_finds_nothing_to_say(file: Path, program: str) -> None:
    """`helm lint --strict` turns warnings into failures, under the helm of either Argo CD."""
    linted = helm(program, "lint", "--strict", str(CHART), "--values", str(file))
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "[WARNING]" not in linted.stdout


@pytest.mark.parametrize("file", SCENARIOS, ids=by_name)
def test_both_helms_render_the_same(file: Path) -> None:
    """Argo CD changed its helm between minor versions; the verdict is about objects, so they must not differ."""
    assert scenario(file, "helm3") == scenario(file, "helm")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", SCENARIOS, ids=by_name)
def test_kubernetes_knows_every_field(file: Path, version: str) -> None:
    """Strict schemas of five minor versions."""
    assert [fault for item in scenario(file) for fault in by_schema(item, version)] == []


@pytest.mark.parametrize("file", SCENARIOS, ids=by_name)
def test_nothing_is_wrong_that_schemas_do_not_say(file: Path) -> None:
    """Names, references, ranges and budgets hold together."""
    assert faults(scenario(file)) == []


@pytest.mark.parametrize("file", SCENARIOS, ids=by_name)
def test_objects_say_where_they_belong(file: Path) -> None:
    """Rendered folders are applied without `--namespace`; what is of the whole cluster names none."""
    for item in scenario(file):
        wanted = None if item["kind"].startswith("ValidatingAdmission") else "ml-prod"
        assert item["metadata"].get("namespace") == wanted, item["metadata"]["name"]


def test_custom_kinds_have_their_shape() -> None:
    """Kubernetes has no schema of them: ports by name, groups with rules."""
    monitor = one(scenario(WHOLE), "ServiceMonitor")
    service = one(scenario(WHOLE), "Service", "countersign-audit")
    assert {end["port"] for end in monitor["spec"]["endpoints"]} == {"metrics", "audit"}
    assert {end["port"] for end in monitor["spec"]["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    rules = one(scenario(CHART / "ci" / "own-additions-values.yaml"), "PrometheusRule")
    assert [rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"]] == ["AnswersWithheld"]
    assert {item["apiVersion"] for file in SCENARIOS for item in scenario(file) if item["kind"] in CUSTOM} == {
        "monitoring.coreos.com/v1"
    }


@pytest.mark.parametrize("file", WITH_PODS, ids=by_name)
def test_the_sidecar_is_native_and_gates_the_service(file: Path) -> None:
    """An init container that is kept running: the service starts after its start-up probe, and stops before it."""
    pod = one(scenario(file), "Deployment")["spec"]["template"]
    (sidecar,) = pod["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == ("sidecar", "Always")
    assert sidecar["startupProbe"]["httpGet"]["path"] == "/startupz"
    assert "lifecycle" not in sidecar, "a sidecar's preStop runs when deletion begins, long before its turn"
    assert [each["name"] for each in pod["spec"]["containers"]] == ["service"]


@pytest.mark.parametrize("file", WITH_PODS, ids=by_name)
def test_no_service_of_the_namespace_becomes_a_setting(file: Path) -> None:
    """Kubernetes would set COUNTERSIGN_PORT=tcp://… in every pod beside a Service named countersign."""
    assert {pod["spec"]["enableServiceLinks"] for pod in pods(scenario(file)).values()} == {False}


@pytest.mark.parametrize("file", WITH_PODS, ids=by_name)
def test_every_pod_is_confined(file: Path) -> None:
    """Restricted, with a read-only root and no API token; each container by itself."""
    for pod in pods(scenario(file)).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        for each in containers(pod):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@pytest.mark.parametrize("file", WITH_PODS, ids=by_name)
def test_a_socket_and_no_port_carries_evidence(file: Path) -> None:
    """Only the read side, which is another pod, needs a port; the socket is shared by the two containers alone."""
    pod = one(scenario(file), "Deployment")["spec"]["template"]
    evidence = next(volume for volume in pod["spec"]["volumes"] if volume["name"] == "evidence")
    assert set(evidence) == {"name", "emptyDir"}
    assert "unix:/run/countersign/evidence.sock" in container(pod, "sidecar")["args"]
    assert "unix:/run/countersign/evidence.sock" in container(pod, "service")["args"]
    shared = any(item["metadata"]["name"] == "countersign-read-side" for item in of(scenario(file), "Deployment"))
    assert ("$(POD_IP):4318" in container(pod, "sidecar")["args"]) == shared


def test_a_log_on_a_volume_has_one_pod_and_outlives_it() -> None:
    """One writer: the pod is replaced and never doubled, and the claim stays when the release goes."""
    objects = scenario(CHART / "ci" / "sqlite-values.yaml")
    spec = one(objects, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert of(objects, "HorizontalPodAutoscaler") == of(objects, "PodDisruptionBudget") == []
    claim = one(objects, "PersistentVolumeClaim", "countersign-store")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "Prune=false" in claim["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]


def test_a_change_of_settings_replaces_the_pods() -> None:
    """Programs read their settings once; a changed ConfigMap alone would change nothing."""
    before = one(scenario(WHOLE), "Deployment")["spec"]["template"]["metadata"]["annotations"]
    changed = template(WHOLE, sets=("service.settings.evidence.deadline=1.25",)).objects()
    after = one(changed, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert before.pop("checksum/settings") != after.pop("checksum/settings")
    assert before == after


@pytest.mark.parametrize("program", HELMS)
@pytest.mark.parametrize(
    ("environment", "base"),
    [("dev", "sqlite"), ("staging", "whole"), ("prod", "whole")],
    ids=["dev", "staging", "prod"],
)
def test_environments_render_with_a_release(environment: str, base: str, program: str) -> None:
    """The values of an environment and those of a release make one rendering, whichever comes first in the other's."""
    files = (CHART / f"values-{environment}.yaml", CHART / "ci" / f"{base}-values.yaml")
    assert faults(template(*files, program=program).objects()) == []
    alone = template(files[0], program=program)
    assert alone.code != 0
    assert "is missing" in alone.err or "needs release" in alone.err
