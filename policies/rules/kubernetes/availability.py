# SPDX-License-Identifier: Apache-2.0
"""K8S-004: every pod has what it needs to stay up: resources, probes, enough replicas, and a budget for disruption.

## What it checks
Each container has requests for CPU and memory and a memory limit that is no smaller. What is meant to stay has startup,
readiness and liveness probes that ask a port which exists, and time to end after its preStop pause; plain init
containers have none of that. A workload has as many pods at the least as its governance tier asks for (low 1, medium 2,
high 3; 2 if no bundle is named), by its autoscaler or by `replicas`, never by both; the autoscaler has a range and
metrics that exist. One PodDisruptionBudget selects the pods and lets some, but not all, go.

## Why
An answer that never comes is a failure that no log records. An autoscaler with one wrong name does nothing, a budget of
nothing lets no node be drained, and a sidecar without requests stops the scaling of the whole pod.

## Reference
AI Act Article 15(4): resilience against errors and faults. Kubernetes: HorizontalPodAutoscaler v2,
PodDisruptionBudget v1, sidecar containers.

## Fails
`replicas` beside an autoscaler that watches a container which is not there, and no budget:
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: service
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}
          startupProbe: {httpGet: {path: /healthz, port: 8080}}
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
          livenessProbe: {httpGet: {path: /healthz, port: 8080}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: model}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: model}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: ContainerResource
      containerResource: {container: inference, name: cpu, target: {type: Utilization, averageUtilization: 70}}
```

## Passes
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: model}
    spec:
      containers:
        - name: service
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}
          startupProbe: {httpGet: {path: /healthz, port: 8080}}
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
          livenessProbe: {httpGet: {path: /healthz, port: 8080}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: model}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: model}
```
"""

from typing import Final

from policies.classification import Tier, strictest_tier
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.kubernetes.disruption import disruption
from policies.rules.kubernetes.pods import NO_POD, pods
from policies.rules.kubernetes.probes import probes
from policies.rules.kubernetes.resources import resources
from policies.rules.kubernetes.scaling import scaling
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifests import Manifests

RULE = Rule(
    id="K8S-004",
    title="every pod has what it needs to stay up: resources, probes, enough replicas, and a budget for disruption",
    severity=Severity.HIGH,
    over="manifests",
    controls=(Control("eu-ai-act", "Article 15(4)"), Control("nist-ai-rmf", "MEASURE 2.6")),
    remediation=(
        "Give the container what is missing: resources {requests: {cpu, memory}, limits: {memory}}, startupProbe, "
        "readinessProbe, livenessProbe; give the workload an autoscaler with minReplicas and no replicas of its own, "
        "and a PodDisruptionBudget with maxUnavailable: 1."
    ),
)
LEAST: Final = {Tier.LOW: 1, Tier.MEDIUM: 2, Tier.HIGH: 3}
UNKNOWN: Final = 2


def check(manifests: Manifests, run: Run) -> Judgement:
    """Judge each pod by itself, and with the autoscaler and the budget that select it."""
    every = pods(manifests.objects)
    if not every:
        return not_applicable(NO_POD)
    wanted = _least(run)
    found: list[Finding] = []
    for pod in every:
        found += resources(pod)
        if pod.stays:
            found += [*probes(pod), *scaling(manifests, pod, wanted), *disruption(manifests, pod)]
    return judged(found, verified(f"{len(every)} pods; at least {wanted} of each workload"))


def _least(run: Run) -> int:
    return max((LEAST[strictest_tier(bundle.card)] for bundle in run.bundles), default=UNKNOWN)
