# SPDX-License-Identifier: Apache-2.0
"""What is wrong with rendered objects: by the schemas of Kubernetes, and by what its schemas do not say.

A schema takes a budget that can never be kept, a port name that is too long and an autoscaler that watches nothing.
Each function here gives one sentence a fault.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import kubernetes_validate

from tests.charts.rendering import Object, containers, of, pods

VERSIONS: Final = ("1.33", "1.34", "1.35", "1.36", "1.37")
CUSTOM: Final = frozenset({"PrometheusRule", "ServiceMonitor"})
"""Kinds that Kubernetes has no schema of; `custom` looks at them."""
_QUANTITY: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT: Final = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_METRICS: Final = {"ContainerResource": "containerResource", "Pods": "pods", "Resource": "resource"}


def faults(objects: list[Object], version: str = VERSIONS[-1]) -> list[str]:
    """Everything that is wrong."""
    found = [fault for item in objects for fault in by_schema(item, version)]
    for check in (_names, _selectors, _scaling, _budgets, _services, _pods):
        found += check(objects)
    return found


def by_schema(item: Object, version: str) -> Iterator[str]:
    """What the schema of a version of Kubernetes says; unknown fields are faults, too."""
    if item["kind"] not in CUSTOM:
        said = _said(json.dumps(item), version)
        yield from [f"{_title(item)}: {said}"] if said else []


@cache
def _said(item: str, version: str) -> str:
    value = json.loads(item)
    try:
        kubernetes_validate.validate(value, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    except kubernetes_validate.SchemaNotFoundError:
        return f"Kubernetes {version} knows no {value['apiVersion']} {value['kind']}"
    return ""


def _title(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def _names(objects: list[Object]) -> Iterator[str]:
    for item in objects:
        name = item["metadata"]["name"]
        if len(name) > 63 or not _SUBDOMAIN.fullmatch(name):
            yield f"{_title(item)}: the name is none"


def _selects(selector: Any, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _labels(objects: list[Object]) -> list[dict[str, str]]:
    return [item["spec"]["template"]["metadata"]["labels"] for item in of(objects, "Deployment")]


def _selectors(objects: list[Object]) -> Iterator[str]:
    for item in of(objects, "Deployment"):
        labels = item["spec"]["template"]["metadata"]["labels"]
        if not _selects(item["spec"].get("selector", {}).get("matchLabels", {"": ""}), labels):
            yield f"{_title(item)}: the selector does not match its own pods"
    others = [one for one in of(objects, "Deployment") if one["spec"].get("selector")]
    for item in others:
        chosen = [labels for labels in _labels(objects) if _selects(item["spec"]["selector"]["matchLabels"], labels)]
        if len(chosen) > 1:
            yield f"{_title(item)}: the selector also matches pods of another Deployment"


def _scaling(objects: list[Object]) -> Iterator[str]:
    scaled = {item["metadata"]["name"]: item for item in of(objects, "Deployment")}
    for item in of(objects, "HorizontalPodAutoscaler"):
        spec = item["spec"]
        if spec.get("minReplicas", 1) > spec["maxReplicas"]:
            yield f"{_title(item)}: the least is more than the most"
        target = scaled.get(spec["scaleTargetRef"]["name"])
        if target is None:
            yield f"{_title(item)}: scales nothing that is rendered"
            continue
        if "replicas" in target["spec"]:
            yield f"{_title(item)}: replicas stand beside an autoscaler"
        names = {each["name"] for each in containers(target["spec"]["template"])}
        for metric in spec["metrics"]:
            part = metric.get(_METRICS.get(metric["type"], ""))
            if part is None:
                yield f"{_title(item)}: no metric is of type {metric['type']}"
            elif metric["type"] == "ContainerResource" and part["container"] not in names:
                yield f"{_title(item)}: no container is named {part['container']}"


def _least(objects: list[Object], deployment: Object) -> int:
    for item in of(objects, "HorizontalPodAutoscaler"):
        if item["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]:
            return int(item["spec"].get("minReplicas", 1))
    return int(deployment["spec"].get("replicas", 1))


def _budgets(objects: list[Object]) -> Iterator[str]:
    for item in of(objects, "PodDisruptionBudget"):
        spec = item["spec"]
        if ("minAvailable" in spec) == ("maxUnavailable" in spec):
            yield f"{_title(item)}: exactly one of minAvailable and maxUnavailable is a budget"
        chosen = [
            each
            for each in of(objects, "Deployment")
            if _selects(spec["selector"]["matchLabels"], each["spec"]["template"]["metadata"]["labels"])
        ]
        if len(chosen) != 1:
            yield f"{_title(item)}: selects the pods of {len(chosen)} workloads"
        for each in chosen:
            kept = spec.get("minAvailable", 0)
            if isinstance(kept, int) and kept >= _least(objects, each):
                yield f"{_title(item)}: lets no pod go"


def _services(objects: list[Object]) -> Iterator[str]:
    for item in of(objects, "Service"):
        chosen = [
            pod for pod in pods(objects).values() if _selects(item["spec"]["selector"], pod["metadata"]["labels"])
        ]
        if len(chosen) != 1:
            yield f"{_title(item)}: selects the pods of {len(chosen)} workloads"
            continue
        named = {port["name"] for each in containers(chosen[0]) for port in each.get("ports", [])}
        for port in item["spec"]["ports"]:
            if port["targetPort"] not in named:
                yield f"{_title(item)}: no container names the port {port['targetPort']}"


def _pods(objects: list[Object]) -> Iterator[str]:
    for title, pod in pods(objects).items():
        spec = pod["spec"]
        volumes = [volume["name"] for volume in spec.get("volumes", [])]
        if len(set(volumes)) != len(volumes):
            yield f"{title}: two volumes of one name"
        mounted = {mount["name"] for each in containers(pod) for mount in each.get("volumeMounts", [])}
        for name in set(volumes) ^ mounted:
            yield f"{title}: volume {name} is {'never mounted' if name in volumes else 'not there'}"
        ends = spec.get("restartPolicy") == "Never"
        for index, each in enumerate(containers(pod)):
            plain_init = index < len(spec.get("initContainers", [])) and each.get("restartPolicy") is None
            for fault in _container(each, stays=not (ends or plain_init)):
                yield f"{title}, {each['name']}: {fault}"
            pause = each.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            if pause >= spec.get("terminationGracePeriodSeconds", 30):
                yield f"{title}, {each['name']}: the pause before stopping takes all of the grace"


def _container(each: Object, stays: bool) -> Iterator[str]:
    if each.get("restartPolicy") not in (None, "Always"):
        yield f"restartPolicy {each['restartPolicy']} is none of a container"
    for part, key in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        amount = each.get("resources", {}).get(part, {}).get(key)
        if amount is None or not _QUANTITY.fullmatch(str(amount)):
            yield f"{part}.{key} is {amount}"
    for port in each.get("ports", []):
        if len(port["name"]) > 15 or not _PORT.fullmatch(port["name"]):
            yield f"port name {port['name']} is none"
    yield from _probes(each, stays)
    for key, what in (("volumeMounts", "mountPath"), ("env", "name")):
        given = [part[what] for part in each.get(key, [])]
        if len(set(given)) != len(given):
            yield f"two {key} of one {what}"


def _probes(each: Object, stays: bool) -> Iterator[str]:
    named = {port["name"] for port in each.get("ports", [])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if (probe in each) != stays:
            yield f"{probe} is {'missing' if stays else 'there, and the container ends by itself'}"
        if probe in each and each[probe]["httpGet"]["port"] not in named:
            yield f"{probe} asks a port that is not there"
