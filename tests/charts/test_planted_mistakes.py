# SPDX-License-Identifier: Apache-2.0
"""Sixteen mistakes that charts are known to make, each planted in a sound rendering, each found.

Schemas find five of them; the others are valid objects that cannot work.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.charts.faults import VERSIONS, by_schema, faults
from tests.charts.rendering import WHOLE, Object, container, one, scenario

Plant = Callable[[list[Object]], Any]


def _pod(objects: list[Object]) -> Object:
    found: Object = one(objects, "Deployment")["spec"]["template"]
    return found


def _deployment(objects: list[Object]) -> Object:
    found: Object = one(objects, "Deployment")["spec"]
    return found


def _service(objects: list[Object]) -> Object:
    return container(_pod(objects), "service")


def _sidecar(objects: list[Object]) -> Object:
    return container(_pod(objects), "sidecar")


def _scaler(objects: list[Object]) -> Object:
    return one(objects, "HorizontalPodAutoscaler")


def _budget(objects: list[Object]) -> Object:
    return one(objects, "PodDisruptionBudget")


def _plain_init(objects: list[Object]) -> None:
    plain = {key: value for key, value in _sidecar(objects).items() if key in ("image", "resources", "readinessProbe")}
    ports = [{"name": "audit-too", "containerPort": 8082}]
    plain["readinessProbe"]["httpGet"]["port"] = "audit-too"
    _pod(objects)["spec"]["initContainers"].append({**plain, "name": "plain", "ports": ports})


BY_SCHEMA: Final[dict[str, tuple[Plant, str]]] = {
    "a misspelt field": (lambda o: _service(o).update(imagePulPolicy="Always"), "imagePulPolicy"),
    "text for a number": (lambda o: one(o, "Service")["spec"]["ports"][0].update(port="http"), "is not of type"),
    "no selector": (lambda o: _deployment(o).pop("selector"), "'selector' is a required property"),
    "a budget of policy/v1beta1": (lambda o: _budget(o).update(apiVersion="policy/v1beta1"), "knows no policy/v1beta1"),
    "an autoscaler of v2beta2": (
        lambda o: _scaler(o).update(apiVersion="autoscaling/v2beta2"),
        "knows no autoscaling/",
    ),
}
BEYOND: Final[dict[str, tuple[Plant, str]]] = {
    "least above most": (lambda o: _scaler(o)["spec"].update(minReplicas=11), "the least is more than the most"),
    "selector and labels apart": (
        lambda o: _pod(o)["metadata"]["labels"].update({"app.kubernetes.io/component": "other"}),
        "the selector does not match its own pods",
    ),
    "a pause as long as the grace": (
        lambda o: _service(o)["lifecycle"]["preStop"]["sleep"].update(seconds=60), "takes all of the grace",
    ),
    "a type of metric": (lambda o: _scaler(o)["spec"]["metrics"][1].update(type="Contaner"), "of type Contaner"),
    "a restart policy": (lambda o: _sidecar(o).update(restartPolicy="Sometimes"), "restartPolicy Sometimes"),
    "a long port name": (
        lambda o: _service(o)["ports"].append({"name": "a-port-of-sixteen", "containerPort": 9}), "sixteen is none",
    ),
    "a quantity": (lambda o: _service(o)["resources"]["limits"].update(memory="512Mib"), "limits.memory is 512Mib"),
    "an object's name": (lambda o: one(o, "ConfigMap")["metadata"].update(name="Counter_sign"), "the name is none"),
    "a mount without volume": (
        lambda o: _service(o)["volumeMounts"].append({"name": "cache", "mountPath": "/cache"}), "cache is not there",
    ),
    "two budgets in one": (lambda o: _budget(o)["spec"].update(minAvailable=1), "exactly one of"),
    "a probe on a plain init container": (_plain_init, "readinessProbe is there, and the container ends by itself"),
}  # fmt: skip
FURTHER: Final[dict[str, tuple[Plant, str]]] = {
    "a container without a CPU request": (lambda o: _sidecar(o)["resources"]["requests"].pop("cpu"), "cpu is None"),
    "a container that is not there": (
        lambda o: _scaler(o)["spec"]["metrics"][1]["containerResource"].update(container="web"), "is named web",
    ),
    "a port that is not there": (
        lambda o: one(o, "Service")["spec"]["ports"][0].update(targetPort="web"), "no container names the port web",
    ),
    "a budget for nobody": (
        lambda o: _budget(o)["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/name": "x"}), "0 workloads",
    ),
    "a budget that lets nobody go": (
        lambda o: (_budget(o)["spec"].pop("maxUnavailable"), _budget(o)["spec"].update(minAvailable=2)), "no pod go",
    ),
    "replicas beside an autoscaler": (lambda o: _deployment(o).update(replicas=2), "replicas stand beside"),
}  # fmt: skip


def test_there_are_sixteen() -> None:
    """Five that schemas find, and eleven that they do not."""
    assert (len(BY_SCHEMA), len(BEYOND)) == (5, 11)


@pytest.mark.parametrize("mistake", [*BY_SCHEMA, *BEYOND, *FURTHER])
def test_a_planted_mistake_is_found(mistake: str) -> None:
    """And nothing is found before it is planted."""
    plant, said = {**BY_SCHEMA, **BEYOND, **FURTHER}[mistake]
    objects = scenario(WHOLE)
    assert faults(objects) == []
    plant(objects)
    assert any(said in fault for fault in faults(objects)), faults(objects)


@pytest.mark.parametrize("mistake", BEYOND)
def test_schemas_alone_would_not_find_it(mistake: str) -> None:
    """Otherwise the check of our own could go."""
    objects = scenario(WHOLE)
    BEYOND[mistake][0](objects)
    assert [fault for item in objects for version in VERSIONS for fault in by_schema(item, version)] == []
