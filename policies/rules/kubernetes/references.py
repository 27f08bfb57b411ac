# SPDX-License-Identifier: Apache-2.0
"""K8S-006: what the objects of a rendering refer to is there.

## What it checks
A workload's selector selects its own pods; a Service selects pods of the rendering, and a target port by name is one
of theirs; an autoscaler and a budget have something to act on; a volume mount has a volume; containers and their ports
have names that Kubernetes takes, each once; an init container's restart policy is `Always` or absent; object names are
names. References to what is made elsewhere (ConfigMaps, Secrets, service accounts) are left to the cluster.

## Why
Schema validation passes all of these, and the cluster accepts most: a Service that selects nothing is a valid one. What
the gate has approved should also be what starts.

## Reference
AI Act Article 15(4). Kubernetes API conventions: names are labels or subdomains of RFC 1123, port names at most 15
characters.

## Fails
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  selector: {matchLabels: {app: model}}
  template:
    metadata: {labels: {app: other}}
    spec:
      containers:
        - name: service
          volumeMounts: [{name: spool, mountPath: /spool}]
```

## Passes
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  selector: {matchLabels: {app: model}}
  template:
    metadata: {labels: {app: model}}
    spec:
      containers:
        - name: service
          volumeMounts: [{name: spool, mountPath: /spool}]
      volumes:
        - {name: spool, emptyDir: {}}
```
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.kubernetes.pods import NO_POD, Container, Pod, pods, selects, together
from policies.rules.kubernetes.probes import named_ports
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests

RULE = Rule(
    id="K8S-006",
    title="what the objects of a rendering refer to is there",
    severity=Severity.HIGH,
    over="manifests",
    controls=(Control("eu-ai-act", "Article 15(4)"), Control("iso-42001", "A.6.2.5")),
    remediation="Make the two names equal, or render the object that is referred to.",
)
SELECTING: Final = frozenset({"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"})
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PORT: Final = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_OWN_NAMES: Final = ("rbac.authorization.k8s.io/", "apiextensions.k8s.io/")
"""Groups whose objects may have names of another form."""


def check(manifests: Manifests, run: Run) -> Judgement:
    """Follow every reference from one object to another, and within a pod."""
    every = pods(manifests.objects)
    if not every:
        return not_applicable(NO_POD)
    found: list[Finding] = []
    for item in manifests.objects:
        found += [*_name(item), *_selector(item, every), *_scaled(item, manifests)]
    for pod in every:
        found += _containers(pod)
    return judged(found, verified(f"{len(manifests.objects)} objects refer to what is there"))


def _name(item: Manifest) -> Iterator[Finding]:
    own = str(item.value["apiVersion"]).startswith(_OWN_NAMES)
    if item.name and not own and not _SUBDOMAIN.fullmatch(item.name):
        yield Finding(
            place=item.at("metadata", "name"),
            message=f"the {item.kind} has a name that Kubernetes does not take",
            seen=item.name,
            wanted="lower-case letters, digits, `-` and `.`",
        )


def _selector(item: Manifest, every: tuple[Pod, ...]) -> Iterator[Finding]:
    """What a workload, a Service or a budget selects."""
    path: tuple[str, ...] = ("spec", "selector")
    selector = item.get(*path)
    if item.kind in SELECTING:
        within = [pod for pod in every if pod.owner is item]
    elif item.kind == "PodDisruptionBudget" or (item.kind == "Service" and selector is not None):
        within = [pod for pod in every if together(pod.owner, item)]
        selector = {"matchLabels": selector} if item.kind == "Service" else selector
    else:
        return
    chosen = [pod for pod in within if selects(selector, pod.labels)] if selector else []
    if not chosen:
        yield Finding(
            place=item.at(*path),
            message=f"the {item.kind} {item.name} selects {'not its own pods' if item.kind in SELECTING else 'no pod'}",
            seen=None if item.get(*path) is None else str(item.get(*path)),
            wanted="labels that the pod template carries",
        )
    elif item.kind == "Service":
        yield from _target_ports(item, chosen)


def _target_ports(service: Manifest, chosen: list[Pod]) -> Iterator[Finding]:
    names = {name for pod in chosen for container in pod.containers() for name in named_ports(container)}
    for index, port in enumerate(service.items("spec", "ports")):
        target = port.get("targetPort") if isinstance(port, dict) else None
        if isinstance(target, str) and target not in names:
            yield Finding(
                place=service.at("spec", "ports", index, "targetPort"),
                message=f"the Service {service.name} sends to a port that its pods do not name",
                seen=target,
                wanted=", ".join(sorted(names)) or "a named port of the container",
            )


def _scaled(item: Manifest, manifests: Manifests) -> Iterator[Finding]:
    target = item.mapping("spec", "scaleTargetRef")
    there = {(other.kind, other.name) for other in manifests.objects if together(item, other)}
    if item.kind == "HorizontalPodAutoscaler" and (target.get("kind"), target.get("name")) not in there:
        yield Finding(
            place=item.at("spec", "scaleTargetRef"),
            message=f"the autoscaler {item.name} scales something that is not rendered",
            seen=f"{target.get('kind')} {target.get('name')}",
            wanted="kind and name of a workload of this rendering",
        )


def _containers(pod: Pod) -> Iterator[Finding]:
    seen: set[str] = set()
    ports: set[str] = set()
    volumes = {volume.get("name") for volume in pod.items("volumes") if isinstance(volume, dict)}
    claims = pod.owner.items("spec", "volumeClaimTemplates")
    volumes |= {claim.get("metadata", {}).get("name") for claim in claims if isinstance(claim, dict)}
    for container in pod.containers():
        name = container.get("name")
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or name in seen:
            yield _bad(container, ("name",), "has a name that is taken or that is none", name, "a name of its own")
        seen.add(str(name))
        yield from _ports(container, ports)
        yield from _mounts(container, volumes)
        policy = container.get("restartPolicy")
        if policy is not None and (container.role != "sidecar" or policy != "Always"):
            yield _bad(container, ("restartPolicy",), "has a restart policy that is none", policy, "Always, or none")


def _ports(container: Container, taken: set[str]) -> Iterator[Finding]:
    for index, port in enumerate(container.owner.items(*container.path, "ports")):
        name = port.get("name") if isinstance(port, dict) else None
        if name is None:
            continue
        if not isinstance(name, str) or not _PORT.fullmatch(name) or name in taken:
            wanted = "at most 15 lower-case letters, digits and `-`, once in a pod"
            yield _bad(container, ("ports", index, "name"), "has a port with a name that is none", name, wanted)
        taken.add(str(name))


def _mounts(container: Container, volumes: set[Any]) -> Iterator[Finding]:
    for index, mount in enumerate(container.owner.items(*container.path, "volumeMounts")):
        name = mount.get("name") if isinstance(mount, dict) else None
        if name not in volumes:
            wanted = ", ".join(sorted(map(str, volumes))) or "a volume of the pod"
            yield _bad(container, ("volumeMounts", index, "name"), "mounts a volume that is not there", name, wanted)


def _bad(container: Container, path: tuple[str | int, ...], what: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=container.at(*path),
        message=f"container {container.name} {what}",
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
