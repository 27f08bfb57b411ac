# SPDX-License-Identifier: Apache-2.0
"""Values: every key of ours is known, closed and there; whatever the schema takes renders soundly or is refused."""

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.charts.faults import faults
from tests.charts.rendering import CHART, Object, containers, of, one, pods, template

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
BASE = CHART / "ci" / "dynamodb-values.yaml"


def closed(schema: dict[str, Any], path: str = "") -> list[str]:
    """Paths of our own mappings that take unknown keys; an empty one is a block that Kubernetes defines."""
    if schema.get("type") != "object" or "properties" not in schema:
        return []
    open_here = [path] if schema.get("additionalProperties") is not False else []
    return open_here + [hole for key, part in schema["properties"].items() for hole in closed(part, f"{path}.{key}")]


def test_our_own_keys_are_closed() -> None:
    """A misspelt key is refused instead of doing nothing; blocks of Kubernetes stay open for what it adds."""
    assert closed(SCHEMA) == []
    passed_through = {"affinity", "global", "nodeSelector", "podAnnotations", "podSecurityContext"}
    assert all(SCHEMA["properties"][name] == {"type": "object"} for name in passed_through)


def test_schema_and_values_know_the_same_keys() -> None:
    """A value that is documented and not taken, or taken and not documented, is a mistake."""

    def keys(schema: dict[str, Any], values: dict[str, Any], path: str) -> set[str]:
        if "properties" not in schema or path.endswith((".settings", ".probes.startup", ".readiness", ".liveness")):
            return set()
        odd = {f"{path}.{key}" for key in set(schema["properties"]) ^ set(values)}
        return odd.union(
            *(keys(part, values[key], f"{path}.{key}") for key, part in schema["properties"].items() if key in values)
        )

    assert keys(SCHEMA, VALUES, "") == set()


def test_the_sidecar_cannot_hold_more_than_its_limit() -> None:
    """What it may keep waiting and what it needs by itself fit below the limit: it says 503 and is not killed."""
    receive = VALUES["sidecar"]["settings"]["receive"]
    own = 128 << 20
    limit = int(VALUES["sidecar"]["resources"]["limits"]["memory"].removesuffix("Mi")) << 20
    assert own + receive["open_bytes"] + receive["queue_bytes"] <= limit


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True)
CHANGES = st.fixed_dictionaries(
    {
        "autoscaling": st.fixed_dictionaries(
            {
                "enabled": st.booleans(),
                "minReplicas": st.integers(1, 3),
                "maxReplicas": st.integers(2, 12),
                "cpu": st.sampled_from([0, 70]),
                "memory": st.sampled_from([0, 80]),
            }
        ),
        "replicas": st.integers(1, 5),
        "termination": st.fixed_dictionaries(
            {
                "preStopSeconds": st.integers(1, 15),
                "drainSeconds": st.integers(1, 20),
                "flushSeconds": st.integers(15, 30),
                "gracePeriodSeconds": st.integers(40, 180),
            }
        ),
        "disruptionBudget": st.fixed_dictionaries({"enabled": st.booleans(), "maxUnavailable": st.integers(1, 2)}),
        "readSide": st.fixed_dictionaries({"enabled": st.booleans(), "replicas": st.integers(1, 3)}),
        "networkPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
        "secrets": st.fixed_dictionaries(
            {"auditToken": st.fixed_dictionaries({"name": st.sampled_from(["", "audit"])})}
        ),
        "tls": st.sampled_from([{"endsAt": "proxy"}, {"endsAt": "pod", "secretName": "tls"}, {"endsAt": "pod"}]),
        "fullnameOverride": NAMES,
        "podLabels": st.dictionaries(st.sampled_from(["app", "app.kubernetes.io/component"]), st.just("other")),
    }
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(CHANGES)
def test_whatever_is_taken_renders_soundly(changes: dict[str, Any]) -> None:
    """Either one of our sentences, or objects without a fault that keep to the budget of termination."""
    rendering = template(BASE, sets=tuple(f"{key}={json.dumps(value)}" for key, value in changes.items()))
    if rendering.code != 0:
        event("refused")
        assert "error calling fail" in rendering.err or "execution error at" in rendering.err, rendering.err
        return
    objects = rendering.objects()
    assert faults(objects) == []
    deployment = next(item for item in of(objects, "Deployment") if "read-side" not in item["metadata"]["name"])
    _keeps_its_promises(objects, deployment, changes)


def _keeps_its_promises(objects: list[Object], deployment: Object, changes: dict[str, Any]) -> None:
    spec, times = deployment["spec"]["template"]["spec"], changes["termination"]
    needed = times["preStopSeconds"] + 2 * times["drainSeconds"] + times["flushSeconds"] + 5
    assert spec["terminationGracePeriodSeconds"] >= needed
    assert ("replicas" in deployment["spec"]) != changes["autoscaling"]["enabled"]
    assert bool(of(objects, "NetworkPolicy")) == changes["networkPolicy"]["enabled"]
    for pod in pods(objects).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        for each in containers(pod):
            schemes = {each[probe]["httpGet"]["scheme"] for probe in each if probe.endswith("Probe")}
            assert schemes == ({"HTTPS"} if changes["tls"]["endsAt"] == "pod" else {"HTTP"})
            assert ("--tls-cert" in each["args"]) == (changes["tls"]["endsAt"] == "pod")


def test_labels_and_annotations_of_ones_own_take_nothing_away() -> None:
    """Selectors, the gate's label and the release's digests stay ours; a key never stands twice."""
    given = {
        "app.kubernetes.io/name": "x",
        "app.kubernetes.io/component": "x",
        "countersign.dev/gate": "x",
        "team": "a",
    }
    notes = {"countersign.dev/card": "sha256:x", "checksum/settings": "x", "owner": "b"}
    sets = (
        f"commonLabels={json.dumps(given)}",
        f"podLabels={json.dumps(given)}",
        f"podAnnotations={json.dumps(notes)}",
    )
    objects = template(BASE, sets=sets).objects()
    assert faults(objects) == []
    before = one(template(BASE).objects(), "Deployment")["spec"]["template"]["metadata"]
    after = one(objects, "Deployment")["spec"]["template"]["metadata"]
    assert after["labels"] == {**before["labels"], "team": "a"}
    assert after["annotations"] == {**before["annotations"], "owner": "b"}
    assert all("countersign.dev/gate" not in item["metadata"]["labels"] for item in objects)


def test_a_name_as_long_as_may_be_still_makes_names() -> None:
    """Suffixes are put behind what is cut to forty characters."""
    objects = template(CHART / "ci" / "whole-values.yaml", release="r" * 53).objects()
    assert faults(objects) == []
    assert one(objects, "Deployment", "r" * 40)["metadata"]["name"] == "r" * 40
