# SPDX-License-Identifier: Apache-2.0
"""From a promoted folder to a synced release, and every way in which a release that was refused stays out.

The control plane, Argo CD, the policies and the gate's Job are real; the pods of the Deployment are only said to run.
Each refusal names the layer that has to catch it and reads that layer's own words.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Final

import pytest

from tests.cluster.api_client import Object
from tests.cluster.argocd import message
from tests.cluster.cluster import cluster_in
from tests.cluster.gitops_world import (
    APPLICATION,
    GATE,
    NAMESPACE,
    SERVICE_DIGEST,
    Files,
    World,
    changed,
    without,
)
from tests.cluster.waiting import wait_for, wait_until

pytestmark = pytest.mark.cluster
OTHER: Final = hashlib.sha256(b"the image of the next release").hexdigest()
CARD: Final = "7d7dba1ec6b68bab037ec81317f06ef811ddc45cc7b7d3fb61532adbf053b147"
DEPLOYMENT: Final = {"group": "apps", "kind": "Deployment", "name": "countersign", "namespace": NAMESPACE}
NOT_ALLOWED: Final = "is not the release that the gate allowed last"


@pytest.fixture(scope="module")
def one_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("gitops")
    (folder / "cluster").mkdir()
    with cluster_in(folder / "cluster") as cluster, cluster.network.inside():
        world = World(cluster, folder)
        try:
            yield world
        finally:
            world.end()


@pytest.fixture
def world(one_world: World) -> Iterator[World]:
    """The world with the good release synced; a test runs inside its network."""
    with one_world.cluster.network.inside():
        one_world.settle()
        yield one_world


def refused_by_the_gate(world: World, files: Files, why: str) -> Object:
    """Commit, let Argo CD try, and see that it has applied nothing but the gate's own objects."""
    before, since = world.deployment()["spec"], world.marked()
    state = world.argo.refused(APPLICATION, world.argo.deploy.commit(files, "a release that is refused"))
    (hook,) = (each for each in state["syncResult"]["resources"] if each["kind"] == "Job")
    assert (hook["hookType"], hook["hookPhase"]) == ("PreSync", "Failed")
    assert why in world.gate_said()
    assert {name for name in world.written(since) if "/countersign-gate" not in name} == set()
    assert world.deployment()["spec"] == before
    return state


def test_a_promoted_release_is_synced_behind_its_gate(world: World) -> None:
    """Commit, gate, allowance, Deployment, autoscaler, budget: all healthy, and the list written by the gate alone."""
    found = wait_for(
        "the application is healthy",
        lambda: world.argo.application(APPLICATION),
        lambda found: found["status"].get("health", {}).get("status") == "Healthy",
    )
    kinds = {each["kind"] for each in found["status"]["resources"] if each.get("status") == "Synced"}
    assert {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"} <= kinds
    assert "VERIFIED: " in world.gate_said()
    assert SERVICE_DIGEST in world.allowed()["current"]
    assert "configmaps/countersign-allowed" in world.written(0, GATE)
    api = world.cluster.api
    budget = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/countersign"
    wait_until("the budget counts", lambda: api.get(budget).ok()["status"].get("currentHealthy", 0) >= 2)
    assert world.deployment()["status"]["readyReplicas"] >= 2


def test_the_next_release_and_the_way_back(world: World) -> None:
    """A second release comes in by its own gate; a revert of the commit passes the first one's again."""
    world.argo.synced(APPLICATION, world.argo.deploy.commit(world.promoted(OTHER), "the next release"))
    wait_until("the next release is deployed", lambda: world.image().endswith(OTHER))
    assert OTHER in world.allowed()["current"]
    assert len(world.allowed()) == 3, "two releases were allowed, and one of them is current"
    world.settle()
    assert world.image().endswith(SERVICE_DIGEST)
    assert SERVICE_DIGEST in world.allowed()["current"]


def test_promotion_an_expired_card(world: World) -> None:
    """When the card's review is overdue nothing is written, so there is nothing that Argo CD could sync."""
    said = world.not_promoted(dt.date(2027, 6, 1))
    assert "APPR-005" in said
    assert "next_review was 11 days ago" in said


def test_gate_an_expired_verdict(world: World) -> None:
    """A good release whose verdict has ended before it was synced."""
    refused_by_the_gate(world, world.promoted(OTHER, days_ago=60), "it expired")


def test_gate_a_missing_verdict(world: World) -> None:
    """A folder whose verdict was taken away."""
    files = changed(world.promoted(OTHER), "verdict.vsa.intoto.jsonl:", "other.txt:", "configmap-countersign-gate")
    refused_by_the_gate(world, files, "cannot read /verdict/verdict.vsa.intoto.jsonl")


@pytest.mark.parametrize("digest", [SERVICE_DIGEST, CARD], ids=["image", "card"])
def test_gate_another_digest_than_the_verdicts(world: World, digest: str) -> None:
    """Image or card exchanged wherever it stands, the gate's own arguments included."""
    refused_by_the_gate(
        world, changed(world.good, digest, OTHER, "rendered/"), "REFUSED: the verdict is refused at step"
    )


def test_gate_that_hangs(world: World) -> None:
    """The gate's image cannot be pulled: its deadline ends the wait, and nothing was applied meanwhile."""
    world.nodes.images = ()
    before, since = world.deployment()["spec"], world.marked()
    state = world.argo.refused(APPLICATION, world.argo.deploy.commit(world.promoted(OTHER), "a gate that hangs"))
    assert "Job was active longer than specified deadline" in message(state)
    assert {name for name in world.written(since) if "/countersign-gate" not in name} == set()
    assert world.deployment()["spec"] == before


def test_admission_what_the_gate_was_not_shown(world: World) -> None:
    """The Deployment alone is exchanged: the gate passes what it was told of; admission looks at what is applied."""
    files = changed(world.good, SERVICE_DIGEST, OTHER, "deployment-countersign")
    state = world.argo.refused(APPLICATION, world.argo.deploy.commit(files, "another image"))
    assert NOT_ALLOWED in message(state)
    assert world.image().endswith(SERVICE_DIGEST)


def test_admission_a_release_without_a_gate(world: World) -> None:
    """The gate's objects are left out of the folder."""
    files = without(without(world.promoted(OTHER), "-countersign-gate"), "/verdict/")
    state = world.argo.refused(APPLICATION, world.argo.deploy.commit(files, "no gate"))
    assert NOT_ALLOWED in message(state)
    assert world.image().endswith(SERVICE_DIGEST)


def test_admission_hooks_are_skipped(world: World) -> None:
    """Strategy `apply`, a selective sync and kubectl run no hook; a refused release stays out all the same."""
    files = world.promoted(OTHER, days_ago=60)
    revision = world.argo.deploy.commit(files, "a release that is refused")
    world.argo.refused(APPLICATION, revision)
    for asked in ({"syncStrategy": {"apply": {"force": False}}}, {"resources": [DEPLOYMENT]}):
        since = world.marked()
        state = world.argo.sync(APPLICATION, revision, **asked)
        assert state["phase"] == "Failed"
        assert NOT_ALLOWED in message(state)
        assert not {name for name in world.written(since) if name.startswith("jobs/")}, "no hook ran"
    (name,) = (name for name in files if "deployment-countersign" in name)
    applied = world.cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=files[name].decode()
    )
    assert applied.returncode == 1
    assert NOT_ALLOWED in applied.stderr
    assert world.image().endswith(SERVICE_DIGEST)


def test_admission_self_heal(world: World) -> None:
    """It runs no hook: it brings back what was allowed, and brings in nothing of a revision that was refused."""
    budget = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/countersign"
    since = world.marked()
    world.cluster.api.delete(budget).ok()
    wait_until("the budget is healed", lambda: world.cluster.api.get(budget).status == 200)
    assert not {name for name in world.written(since) if name.startswith("jobs/")}, "no hook ran"
    patched = world.cluster.kubectl(
        "--namespace", NAMESPACE, "set", "image", "deployment/countersign", f"service=registry.example/x@sha256:{OTHER}"
    )
    assert NOT_ALLOWED in patched.stderr
    world.argo.refused(APPLICATION, world.argo.deploy.commit(world.promoted(OTHER, days_ago=60), "refused"))
    world.cluster.api.delete(budget).ok()
    world.argo.refresh(APPLICATION)
    wait_until("it is seen", lambda: _state_of(world, "PodDisruptionBudget") == "OutOfSync")
    assert world.image().endswith(SERVICE_DIGEST)


def _state_of(world: World, kind: str) -> str:
    resources = world.argo.application(APPLICATION)["status"]["resources"]
    return str(next(each["status"] for each in resources if each["kind"] == kind))


def test_project_a_secret_in_the_folder(world: World) -> None:
    """The project of models may apply no Secret: the gate's key cannot be exchanged by a commit."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: countersign-gate-key, namespace: ml-staging}\n"
    files = {**world.good, "environments/staging/rendered/secret.yaml": secret.encode()}
    state = world.argo.refused(APPLICATION, world.argo.deploy.commit(files, "a secret"))
    assert "Secret is not permitted in project models" in message(state)


def test_review_a_commit_that_nobody_signed(world: World) -> None:
    """It is not even compared with what runs."""
    world.argo.deploy.commit(world.promoted(OTHER), "unsigned", signed=False)
    world.argo.refresh(APPLICATION)
    wait_for(
        "the commit is refused",
        lambda: str(world.argo.application(APPLICATION)["status"].get("conditions")),
        lambda found: "GIT/GPG" in found,
    )
    assert world.image().endswith(SERVICE_DIGEST)


def test_load_scales_what_was_allowed(world: World) -> None:
    """The autoscaler looks at the service's container; its new pods are admitted, and Argo CD has nothing to undo."""
    wait_until("there are two", lambda: world.deployment()["status"].get("readyReplicas") == 2)
    world.metrics.usage["service"] = 600
    wait_until("there are four", lambda: world.deployment()["status"].get("readyReplicas") == 4)
    world.metrics.usage["service"] = 60
    world.argo.refresh(APPLICATION)
    assert world.argo.application(APPLICATION)["status"]["sync"]["status"] == "Synced"
