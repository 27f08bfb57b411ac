# SPDX-License-Identifier: Apache-2.0
"""K8S-005: every pod is cut off from the network, except for what a policy names.

## What it checks
Each pod that the rendering makes, hooks included, is selected by a NetworkPolicy for ingress and by one for egress, so
that what no rule names is denied. No policy that selects it opens a direction to everything: an empty rule, a rule
without peers and ports, a peer that selects every pod of every namespace, or a block of addresses that is the whole
internet without exception. Whether the cluster's network enforces policies is not seen here.

## Why
The service holds customer data in memory and needs a store and a name server. What it cannot reach it cannot leak to.

## Reference
AI Act Article 15(5); GDPR Article 32; POPIA Section 19. Kubernetes, "Network Policies": a pod is isolated in a
direction once any policy selects it for that direction.

## Fails
Cut off for ingress alone:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model, labels: {app: model}}
spec:
  containers: [{name: service}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: model}
spec:
  podSelector: {matchLabels: {app: model}}
  policyTypes: [Ingress]
```
A policy that is there and allows everything:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model, labels: {app: model}}
spec:
  containers: [{name: service}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: model}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  egress:
    - to:
        - ipBlock: {cidr: 0.0.0.0/0}
```

## Passes
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model, labels: {app: model}}
spec:
  containers: [{name: service}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: model}
spec:
  podSelector: {matchLabels: {app: model}}
  policyTypes: [Ingress, Egress]
  egress:
    - to:
        - ipBlock: {cidr: 10.0.32.0/20}
      ports:
        - {port: 5432}
```
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.kubernetes.pods import NO_POD, Pod, pods, selects, together
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests

RULE = Rule(
    id="K8S-005",
    title="every pod is cut off from the network, except for what a policy names",
    severity=Severity.HIGH,
    over="manifests",
    controls=(Control("eu-ai-act", "Article 15(5)"), Control("gdpr", "Article 32"), Control("popia", "Section 19")),
    remediation=(
        "Add a NetworkPolicy whose podSelector selects the pod, with policyTypes: [Ingress, Egress] and rules that "
        "name both peers and ports."
    ),
)
DIRECTIONS: Final = (("Ingress", "ingress", "from"), ("Egress", "egress", "to"))
WIDE: Final = 8
"""A block of addresses with a shorter prefix than this counts as the internet."""


def check(manifests: Manifests, run: Run) -> Judgement:
    """Judge which policies select each pod, then each of those policies once."""
    every = pods(manifests.objects)
    if not every:
        return not_applicable(NO_POD)
    policies = manifests.of("NetworkPolicy")
    found = [finding for pod in every for finding in _uncovered(pod, policies)]
    used = [item for item in policies if any(_covers(item, pod) for pod in every)]
    found += [finding for item in used for finding in _open(item)]
    return judged(found, verified(f"{len(every)} pods are isolated by {len(used)} policies"))


def _covers(policy: Manifest, pod: Pod) -> bool:
    return together(policy, pod.owner) and selects(policy.get("spec", "podSelector"), pod.labels)


def _uncovered(pod: Pod, policies: tuple[Manifest, ...]) -> Iterator[Finding]:
    for direction, _, _ in DIRECTIONS:
        if not any(_covers(policy, pod) and direction in _types(policy) for policy in policies):
            yield Finding(
                place=pod.owner.at("metadata", "name"),
                message=f"no NetworkPolicy cuts {pod.title} off for {direction.lower()}",
                wanted=f"a policy that selects its labels and lists {direction} in policyTypes",
            )


def _types(policy: Manifest) -> list[Any]:
    """The directions a policy is about; by default ingress, and egress where it has rules for it."""
    given = policy.items("spec", "policyTypes")
    return given or ["Ingress", *(["Egress"] if policy.get("spec", "egress") is not None else [])]


def _open(policy: Manifest) -> Iterator[Finding]:
    for direction, key, peers in DIRECTIONS:
        for index, rule in enumerate(policy.items("spec", key) if direction in _types(policy) else []):
            why = _opens(rule, peers)
            if why is not None:
                yield Finding(
                    place=policy.at("spec", key, index),
                    message=f"the policy {policy.name} opens {direction.lower()} {why}",
                    seen=str(rule),
                    wanted=f"a rule that names peers in `{peers}`, and ports",
                )


def _opens(rule: Any, peers: str) -> str | None:
    """Why a rule is no restriction; None if it is one."""
    if not isinstance(rule, dict) or not rule.get(peers):
        return "to or from anyone"
    if not isinstance(rule[peers], list):
        return "in a way that cannot be read"
    for peer in rule[peers]:
        if not isinstance(peer, dict) or not peer:
            return "to or from anyone"
        if peer.get("namespaceSelector") == {} and peer.get("podSelector") in (None, {}):
            return "to or from every pod of the cluster"
        if "ipBlock" in peer and _internet(peer["ipBlock"]):
            return "to or from the internet"
    return None


def _internet(block: Any) -> bool:
    """Whether a block is wide and nothing is taken out of it, or cannot be read."""
    try:
        network = ip_network(block["cidr"], strict=False)
    except (KeyError, TypeError, ValueError):
        return True
    return network.prefixlen < WIDE and not block.get("except")
