# SPDX-License-Identifier: Apache-2.0
"""How many pods there are at the least, and whether the autoscaler that decides it can work."""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding
from policies.rules.kubernetes.pods import Pod, together
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests

SCALED: Final = frozenset({"Deployment", "ReplicaSet", "Rollout", "StatefulSet"})
_METRICS: Final = {
    "ContainerResource": "containerResource", "External": "external", "Object": "object", "Pods": "pods",
    "Resource": "resource",
}  # fmt: skip


def autoscaler(manifests: Manifests, pod: Pod) -> Manifest | None:
    """The HorizontalPodAutoscaler of a pod's workload."""
    for item in manifests.of("HorizontalPodAutoscaler"):
        target = item.mapping("spec", "scaleTargetRef")
        if (target.get("kind"), target.get("name")) == (pod.owner.kind, pod.owner.name) and together(item, pod.owner):
            return item
    return None


def least_replicas(manifests: Manifests, pod: Pod) -> int:
    """How many pods there are when there is nothing to do; Kubernetes' default is one, for both ways to say it."""
    scaler = autoscaler(manifests, pod)
    least = pod.owner.get("spec", "replicas") if scaler is None else scaler.get("spec", "minReplicas")
    return least if isinstance(least, int) and not isinstance(least, bool) else 1


def scaling(manifests: Manifests, pod: Pod, wanted: int) -> Iterator[Finding]:
    """Findings on a workload that can have several pods."""
    if pod.owner.kind not in SCALED:
        return
    scaler = autoscaler(manifests, pod)
    where = pod.owner.at("spec", "replicas") if scaler is None else scaler.at("spec", "minReplicas")
    least = least_replicas(manifests, pod)
    if least < wanted:
        yield Finding(
            place=where,
            message=f"{pod.title} may have fewer pods than its tier asks for",
            seen=str(least),
            wanted=f"at least {wanted}",
            mend=f"{'replicas' if scaler is None else 'minReplicas'}: {wanted}",
        )
    if scaler is not None:
        yield from _scaler(scaler, pod)


def _scaler(scaler: Manifest, pod: Pod) -> Iterator[Finding]:
    if pod.owner.get("spec", "replicas") is not None:
        yield Finding(
            place=pod.owner.at("spec", "replicas"),
            message=f"{pod.title} sets replicas, which its autoscaler sets, too",
            seen=str(pod.owner.get("spec", "replicas")),
            wanted="no replicas beside an autoscaler",
            mend="remove replicas",
        )
    least, most = scaler.get("spec", "minReplicas"), scaler.get("spec", "maxReplicas")
    if not isinstance(most, int) or not isinstance(least, int | None) or most < (least or 1):
        yield Finding(
            place=scaler.at("spec", "maxReplicas"),
            message=f"the autoscaler {scaler.name} has no range",
            seen=f"{least} to {most}",
            wanted="minReplicas no greater than maxReplicas",
        )
    metrics = scaler.items("spec", "metrics")
    if not metrics:
        yield Finding(
            place=scaler.at("spec", "metrics"),
            message=f"the autoscaler {scaler.name} measures nothing",
            wanted="at least one metric",
        )
    for index, metric in enumerate(metrics):
        yield from _metric(scaler, pod, index, metric)


def _metric(scaler: Manifest, pod: Pod, index: int, metric: Any) -> Iterator[Finding]:
    kind = metric.get("type") if isinstance(metric, dict) else None
    part = _METRICS.get(str(kind))
    if part is None or not isinstance(metric.get(part), dict):
        yield Finding(
            place=scaler.at("spec", "metrics", index, "type"),
            message=f"metric {index + 1} of the autoscaler {scaler.name} is of no kind that there is",
            seen=str(kind),
            wanted=", ".join(sorted(_METRICS)),
        )
        return
    names = {container.name for container in pod.containers()}
    container = metric[part].get("container")
    if kind == "ContainerResource" and container not in names:
        yield Finding(
            place=scaler.at("spec", "metrics", index, part, "container"),
            message=f"metric {index + 1} of the autoscaler {scaler.name} names a container that the pod has not",
            seen=str(container),
            wanted=", ".join(sorted(names)),
        )
