# SPDX-License-Identifier: Apache-2.0
"""The admission policies on a real API server: they compile, and they deny and admit what they say.

Each test has a namespace of its own under the policies. Objects are the chart's own, so a passing test also says that
what is rendered is admitted.
"""

import copy
import itertools
import json
import re
from functools import cache
from typing import Final, NamedTuple

import pytest

from tests.charts.rendering import CHART, WHOLE, Object, container, of, one, pods, scenario, template
from tests.cluster.api_client import Answer, ApiClient
from tests.cluster.cluster import Cluster
from tests.cluster.waiting import wait_for, wait_until

ADMISSION: Final = CHART / "ci" / "admission-policy-values.yaml"
PROD: Final = (CHART / "values-prod.yaml", WHOLE)
NAMESPACES: Final = [f"guarded-{number}" for number in range(20)]
LIST: Final = "countersign-allowed"
OTHER: Final = "sha256:" + "5b" * 32
_numbers, _probes = itertools.count(), itertools.count()


class Guarded(NamedTuple):
    """A namespace under the policies, and who is in it."""

    cluster: Cluster
    namespace: str
    gate: ApiClient

    def of_here(self, item: Object) -> Object:
        """The object, in this namespace."""
        return {**item, "metadata": {**item["metadata"], "namespace": self.namespace}}

    def allow(self, **entries: str) -> Answer:
        """Write the list, as the gate, and wait until the policies read it: the API server sees it a moment later."""
        image = f"registry.example/probe-{next(_probes)}"
        data = {**entries, "probe": f"card=none artifact=none image={image}"}
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LIST}, "data": data}
        answer = self.gate.create(self.of_here(item))
        if answer.status != 201:
            answer = self.gate.replace(self.of_here(item))
        probe = self.of_here(pod(release(), name="probe"))
        probe["metadata"].pop("annotations")
        probe["spec"]["containers"][0]["image"] = probe["spec"]["initContainers"][0]["image"] = image
        wait_until("the list is read", lambda: self.cluster.api.create(probe, dryRun="All").status == 201, 60)
        return answer

    def create(self, item: Object) -> Answer:
        """Create it here, as somebody who may do everything."""
        return self.cluster.api.create(self.of_here(item))


def entry(objects: list[Object]) -> str:
    """What the gate writes for a rendering."""
    notes = one(objects, "Deployment")["metadata"]["annotations"]
    images = {each["image"] for pod in pods(objects).values() for each in [*pod["spec"]["containers"]]}
    images |= {each["image"] for each in one(objects, "Deployment")["spec"]["template"]["spec"]["initContainers"]}
    words = [f"{part}={notes[f'countersign.dev/{part}']}" for part in ("card", "artifact")]
    return " ".join([*words, *(f"image={image}" for image in sorted(images))])


@cache
def release(**changed: str) -> list[Object]:
    """A rendering of production, with other digests on request."""
    sets = tuple(f'{path.replace("__", ".")}="{value}"' for path, value in changed.items())
    return template(*PROD, sets=sets).objects()


def deployment(objects: list[Object]) -> Object:
    return copy.deepcopy(one(objects, "Deployment"))


def pod(objects: list[Object], title: str = "Deployment countersign", name: str = "one") -> Object:
    """A pod as its controller would make it."""
    (made,) = (made for each, made in pods(objects).items() if re.fullmatch(f"{title}(-[0-9a-f]{{12}})?", each))
    metadata = {key: value for key, value in made["metadata"].items() if key in ("labels", "annotations")}
    return copy.deepcopy(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": name}, "spec": made["spec"]}
    )


@pytest.fixture
def guarded(controllers: Cluster) -> Guarded:
    """A fresh namespace under policies that are in force."""
    if not (controllers.folder / "guarded").exists():
        names = ", ".join(f'"{name}"' for name in NAMESPACES)
        writers = ", ".join(f'"system:serviceaccount:{name}:countersign-gate"' for name in NAMESPACES)
        sets = (f"admissionPolicy.namespaces=[{names}]", f"admissionPolicy.writers=[{writers}]")
        for name in NAMESPACES:
            controllers.namespace(name)
        controllers.apply(*template(ADMISSION, release=f"guarded-{CHART.name}", sets=sets).objects())
        (controllers.folder / "guarded").touch()
    namespace = NAMESPACES[next(_numbers)]
    for account in ("countersign", "countersign-gate", "countersign-migration"):
        metadata = {"name": account, "namespace": namespace}
        controllers.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    writer = f"system:serviceaccount:{namespace}:countersign-gate"
    found = Guarded(controllers, namespace, controllers.client(controllers.authority.identity(namespace, writer)))
    probe = pod(release())
    wait_until("the policies are in force", lambda: found.create(probe).status == 422, 60)
    return found


def test_every_expression_compiles(guarded: Guarded) -> None:
    """The controllers check the expressions against the types that they are about, and find nothing to warn of."""
    where = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    names = {f"guarded-{item['metadata']['name']}" for item in of(scenario(ADMISSION), "ValidatingAdmissionPolicy")}

    def checked() -> list[Object]:
        items = [item for item in guarded.cluster.api.items(where) if item["metadata"]["name"] in names]
        return [item for item in items if "typeChecking" in item.get("status", {})]

    policies = wait_for("the expressions are checked", checked, lambda found: len(found) == len(names))
    assert [item["status"]["typeChecking"] for item in policies] == [{}] * 4
    assert all(item["status"]["observedGeneration"] == item["metadata"]["generation"] for item in policies)


def test_without_a_list_nothing_comes_in(guarded: Guarded) -> None:
    """Before the gate has ever allowed anything, and when somebody takes the list away."""
    for item in (deployment(release()), pod(release())):
        answer = guarded.create(item)
        assert answer.status == 422
        assert "no params found for policy binding with `Deny` parameterNotFoundAction" in answer.message


def test_the_gate_itself_runs_before_anything_is_allowed(guarded: Guarded) -> None:
    """Otherwise the first release of a namespace could never be allowed."""
    answer = guarded.create(pod(release(), "Job countersign-gate"))
    assert answer.status == 201, answer.message


def test_the_current_release_is_admitted(guarded: Guarded) -> None:
    """Deployment, its pods, and the migration that runs before it."""
    objects = release()
    guarded.allow(current=entry(objects), first=entry(objects)).ok()
    guarded.create(deployment(objects)).ok()
    guarded.create(pod(objects)).ok()
    guarded.create(pod(objects, "Job countersign-migration", "two")).ok()


@pytest.mark.parametrize("part", ["card", "artifact", "image"])
def test_another_digest_is_denied(guarded: Guarded, part: str) -> None:
    """Whoever applies it, by whatever way: the API server compares with what the gate has allowed."""
    objects = release()
    guarded.allow(current=entry(objects), first=entry(objects)).ok()
    other = release(**{"images__service__digest" if part == "image" else f"release__{part}": OTHER})
    denied = guarded.create(deployment(other))
    assert (denied.status, OTHER in denied.message) == (403, True)
    assert "is not the release that the gate allowed last" in denied.message
    denied = guarded.create(pod(other))
    assert (denied.status, "is no release that the gate ever allowed" in denied.message) == (403, True)


def test_what_was_allowed_once_may_be_scaled_and_not_deployed(guarded: Guarded) -> None:
    """A pod of the release before still starts while the next one is current; its Deployment does not come back."""
    before, after = release(), release(images__service__digest=OTHER)
    guarded.allow(current=entry(after), first=entry(before), second=entry(after)).ok()
    guarded.create(pod(before)).ok()
    assert "allowed last" in guarded.create(deployment(before)).message
    guarded.create(deployment(after)).ok()
    image = {"spec": {"template": {"spec": deployment(before)["spec"]["template"]["spec"]}}}
    patched = guarded.cluster.api.patch(guarded.cluster.api.path(guarded.of_here(deployment(after))), image)
    assert (patched.status, "allowed last" in patched.message) == (403, True)


def test_a_trial_of_the_next_release_is_no_release(guarded: Guarded) -> None:
    """Argo CD compares by trying, before the gate has run; what is tried is not stored."""
    before, after = release(), release(images__service__digest=OTHER)
    guarded.allow(current=entry(before), first=entry(before)).ok()
    path = guarded.cluster.api.path(guarded.create(deployment(before)).ok())
    tried = guarded.cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-",
        stdin=json.dumps(guarded.of_here(deployment(after))),
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr
    found = guarded.cluster.api.get(path).ok()["spec"]["template"]
    assert OTHER not in container(found, "service")["image"]


def test_a_running_pod_takes_no_other_image_and_no_container_for_debugging(guarded: Guarded) -> None:
    """Either would run beside the keys under the name of an allowed release."""
    objects = release()
    guarded.allow(current=entry(objects), first=entry(objects)).ok()
    made = guarded.create(pod(objects)).ok()
    path = guarded.cluster.api.path(made)
    images = {"spec": {"containers": [{**container(made, "service"), "image": "registry.example/other@" + OTHER}]}}
    changed = guarded.cluster.api.patch(path, images)
    assert (changed.status, "is no release that the gate ever allowed" in changed.message) == (403, True)
    shell = {"name": "shell", "image": "registry.example/shell@" + OTHER, "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
    }}  # fmt: skip
    added = guarded.cluster.api.patch(f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": [shell]}})
    assert (added.status, "is no release that the gate ever allowed" in added.message) == (403, True)


def test_a_pod_that_is_no_longer_allowed_can_be_let_go(guarded: Guarded) -> None:
    """Controllers take their mark off a pod before it goes; that changes nothing that runs."""
    objects = release()
    guarded.allow(current=entry(objects), first=entry(objects)).ok()
    marked = pod(objects)
    marked["metadata"]["finalizers"] = ["example.com/kept"]
    path = guarded.cluster.api.path(guarded.create(marked).ok())
    other = entry(release(images__service__digest=OTHER))
    guarded.allow(current=other, second=other).ok()
    taken = guarded.cluster.api.patch(path, {"metadata": {"finalizers": None}})
    assert taken.status == 200, taken.message


def test_the_list_is_the_gates_alone(guarded: Guarded) -> None:
    """Not even who may do everything else writes it, changes it or takes it away."""
    api = guarded.cluster.api
    item = guarded.of_here({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LIST}})
    said = f"only the gate may write the ConfigMap {LIST}"
    made = api.create(item)
    guarded.allow(current="card=none").ok()
    for answer in (made, api.replace({**item, "data": {"current": "card=mine"}})):
        assert (answer.status, said in answer.message) == (403, True)
    for path in (api.path(item), api.path(item).rpartition("/")[0]):
        answer = api.delete(path)
        assert (answer.status, said in answer.message) == (403, True), path
    api.create(guarded.of_here({**item, "metadata": {"name": "anything-else"}})).ok()


def test_a_namespace_that_goes_takes_its_list_along(guarded: Guarded) -> None:
    """The list must not keep a namespace from ever ending; who deletes it has allowed nothing."""
    guarded.allow(current="card=none").ok()
    path = f"/api/v1/namespaces/{guarded.namespace}"
    guarded.cluster.api.delete(path).ok()
    wait_until("the namespace is gone", lambda: guarded.cluster.api.get(path).status == 404, 60)


@pytest.mark.parametrize("spoil", ["key", "image", "command", "variable", "account"])
def test_nothing_passes_for_the_gate_that_is_not(guarded: Guarded, spoil: str) -> None:
    """What runs as the gate decides about everything else, so only the verification with the platform's key may."""
    made = pod(release(), "Job countersign-gate")
    (gate,) = made["spec"]["containers"]
    if spoil == "key":
        made["spec"]["volumes"] = [
            {"name": "key", "configMap": {"name": "mine"}} if volume["name"] == "key" else volume
            for volume in made["spec"]["volumes"]
        ]
    elif spoil == "account":
        made = pod(release())
        guarded.allow(current=entry(release()), first=entry(release())).ok()
        made["spec"]["serviceAccountName"] = "countersign-gate"
    else:
        gate.update({
            "image": {"image": "registry.example/other@" + OTHER},
            "command": {"command": ["sh"]},
            "variable": {"env": [{"name": "PYTHONPATH", "value": "/verdict"}]},
        }[spoil])  # fmt: skip
    denied = guarded.create(made)
    assert denied.status == 403, denied.body
    assert "denied request" in denied.message
