# SPDX-License-Identifier: Apache-2.0
"""A real API server over everything that the chart renders: strict about fields, and with its own validation.

It stores nothing here (dry run). Kinds of others are served from the definitions that they publish.
"""

from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.charts.rendering import CHART, HELMS, NAMESPACE, SCENARIOS, WHOLE, Object, pods, scenario, template
from tests.charts.test_planted_mistakes import BEYOND, BY_SCHEMA
from tests.cluster.api_client import Answer, KindUnknown
from tests.cluster.cluster import Cluster
from tests.conformance.outside import outside

ENVIRONMENTS: Final = {"dev": "sqlite", "staging": "whole", "prod": "whole"}
PODS_IN: Final = "confined"
KINDS: Final = ("servicemonitors", "prometheusrules")
# What the API server says to each planted mistake.
SAID: Final = {
    "a misspelt field": 'unknown field "spec.template.spec.containers[0].imagePulPolicy"',
    "text for a number": "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port",
    "no selector": "spec.selector: Required value",
    "a budget of policy/v1beta1": "serves no PodDisruptionBudget of policy/v1beta1",
    "an autoscaler of v2beta2": "serves no HorizontalPodAutoscaler of autoscaling/v2beta2",
    "least above most": "must be greater than or equal to `minReplicas`",
    "selector and labels apart": "`selector` does not match template `labels`",
    "a pause as long as the grace": "",  # it takes that: the check of our own is all there is
    "a type of metric": 'Unsupported value: "Contaner"',
    "a restart policy": 'Unsupported value: "Sometimes"',
    "a long port name": "must be no more than 15 characters",
    "a quantity": "quantities must match the regular expression",
    "an object's name": "a lowercase RFC 1123 subdomain must consist of",
    "a mount without volume": 'volumeMounts[5].name: Not found: "cache"',
    "two budgets in one": "minAvailable and maxUnavailable cannot be both set",
    "a probe on a plain init container": "may not be set for init containers without restartPolicy=Always",
}


@pytest.fixture
def server(controllers: Cluster) -> Cluster:
    """The cluster with what a rendering needs to be there: its namespace, kinds of others, a class of priority."""
    if not (controllers.folder / "prepared").exists():
        files = [outside(f"monitoring.coreos.com_{kind}.yaml") for kind in KINDS]
        controllers.definitions(*(yaml.safe_load(file.read_text()) for file in files))
        controllers.namespace(NAMESPACE)
        controllers.namespace(PODS_IN)
        named = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}}
        controllers.apply({**named, "value": 1000})
        (controllers.folder / "prepared").touch()
    return controllers


def rendered(name: str, program: str) -> list[Object]:
    """A scenario of the chart, or an environment's values with those of a release."""
    if name not in ENVIRONMENTS:
        return scenario(CHART / "ci" / f"{name}-values.yaml", program)
    files = (CHART / f"values-{name}.yaml", CHART / "ci" / f"{ENVIRONMENTS[name]}-values.yaml")
    return template(*files, program=program).objects()


def create_pod(server: Cluster, template: Object) -> Answer:
    """Try a pod of a template, where pods have to be restricted; the accounts that it names are there."""
    account = {"name": template["spec"]["serviceAccountName"], "namespace": PODS_IN}
    server.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    metadata = {**template["metadata"], "name": "one", "namespace": PODS_IN}
    return server.api.create({"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}, dryRun="All")


def refusal(server: Cluster, objects: list[Object]) -> str:
    """What the API server says against the first object that it refuses; nothing when it takes all."""
    for item in objects:
        try:
            answer = server.api.create(item, dryRun="All")
        except KindUnknown as unknown:
            return str(unknown)
        if answer.status != 201:
            return answer.message
    return ""


@pytest.mark.parametrize("program", HELMS)
@pytest.mark.parametrize("name", [*(file.name.removesuffix("-values.yaml") for file in SCENARIOS), *ENVIRONMENTS])
def test_the_api_server_takes_what_is_rendered(server: Cluster, name: str, program: str) -> None:
    """Every object, with no unknown field, without a warning; and every pod into a restricted namespace."""
    objects = rendered(name, program)
    for item in objects:
        answer = server.api.create(item, dryRun="All")
        assert (answer.status, answer.warnings) == (201, ()), (item["kind"], answer.message)
    for title, pod in pods(objects).items():
        answer = create_pod(server, pod)
        assert (answer.status, answer.warnings) == (201, ()), (title, answer.message)


@pytest.mark.parametrize("mistake", [*BY_SCHEMA, *BEYOND])
def test_planted_mistakes_are_refused_but_for_one(server: Cluster, mistake: str) -> None:
    """Those that schemas find, and those that they do not: with the API server's own words."""
    plant, _ = {**BY_SCHEMA, **BEYOND}[mistake]
    objects = scenario(WHOLE)
    plant(objects)
    said = refusal(server, objects)
    assert (SAID[mistake] in said, bool(said)) == (True, bool(SAID[mistake])), said


@pytest.mark.parametrize(
    ("kind", "spoil", "said"),
    [
        ("ServiceMonitor", {"endpoints": [{"port": 9464}]}, "spec.endpoints[0].port in body must be of type string"),
        ("ServiceMonitor", {"endpoints": None}, "spec.endpoints: Required value"),
        ("PrometheusRule", {"groups": [{"rules": []}]}, "spec.groups[0].name: Required value"),
    ],
)
def test_kinds_of_others_have_their_own_schema(server: Cluster, kind: str, spoil: Object, said: str) -> None:
    """So a rendering that passes has the shape that the operator of Prometheus reads."""
    version = "monitoring.coreos.com/v1"
    item = {"apiVersion": version, "kind": kind, "metadata": {"name": "spoilt", "namespace": NAMESPACE}, "spec": spoil}
    answer = server.api.create(item, dryRun="All")
    assert answer.status == 422
    assert said in answer.message


def test_a_pod_that_is_not_confined_stays_out(server: Cluster) -> None:
    """The namespace's own rule, which no value of the chart can switch off."""
    pod = pods(scenario(WHOLE))["Deployment countersign"]
    pod["spec"]["securityContext"].pop("runAsNonRoot")
    answer = create_pod(server, pod)
    assert answer.status == 403
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true' in answer.message


def test_kubectl_says_the_same(server: Cluster, tmp_path: Path) -> None:
    """What a person would type, with the real client."""
    (tmp_path / "all.yaml").write_text(template(WHOLE).out)
    created = server.kubectl(
        "create", "--dry-run=server", "--validate=strict", "--filename", str(tmp_path / "all.yaml")
    )
    assert created.returncode == 0, created.stderr
    assert len(created.stdout.splitlines()) == len(scenario(WHOLE))
