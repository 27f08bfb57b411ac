# SPDX-License-Identifier: Apache-2.0
"""K8S-002: every pod says which card, artifact and verdict it runs under, and they are those of the bundle.

## What it checks
Each pod template carries the annotations `countersign.dev/card`, `countersign.dev/artifact` and
`countersign.dev/verdict`, each `sha256:` and 64 hex digits. Card and artifact are those of one bundle that is judged in
the same run, as the gate hashed it; all pods name one verdict. Only the gate's own objects (Job, ServiceAccount, Role,
RoleBinding, ConfigMap and a NetworkPolicy for its pod) carry the label `countersign.dev/gate`, for whatever carries it
is left out of the manifests digest. Whether the verdict is valid is checked where it is used (`verify-verdict`).

## Why
The service refuses to start under another card or artifact than its pod names, and the admission policy compares the
same annotations with what the gate has allowed. Without them a log says what was answered, but not by which release.

## Reference
AI Act Articles 12 and 18: events and documents that can be traced to the system that made them.

## Fails
The card of something else:
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  template:
    metadata:
      annotations:
        countersign.dev/card: "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        countersign.dev/artifact: "sha256:ARTIFACT_DIGEST"
        countersign.dev/verdict: "sha256:3c9909afec25354d551dae21590bb26e38d53f2173b8d3dc3eee4c047e7ab1c1"
    spec:
      containers: [{name: service}]
```
A workload that hides from the digest behind the gate's label:
```yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: model
  labels: {countersign.dev/gate: model}
spec:
  template:
    spec:
      containers: [{name: service}]
```

## Passes
`CARD_DIGEST` and `ARTIFACT_DIGEST` stand for those of the reference bundle.
```yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  template:
    metadata:
      annotations:
        countersign.dev/card: "sha256:CARD_DIGEST"
        countersign.dev/artifact: "sha256:ARTIFACT_DIGEST"
        countersign.dev/verdict: "sha256:3c9909afec25354d551dae21590bb26e38d53f2173b8d3dc3eee4c047e7ab1c1"
    spec:
      containers: [{name: service}]
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.deployment import ARTIFACT_ANNOTATION, CARD_ANNOTATION, GATE_LABEL, VERDICT_ANNOTATION
from policies.place import Place
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.kubernetes.digests import digest_of, is_filler
from policies.rules.kubernetes.pods import NO_POD, Pod, pods, selects
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests
from policies.targets.manifests_digest import is_gate

RULE = Rule(
    id="K8S-002",
    title="every pod says which card, artifact and verdict it runs under, and they are those of the bundle",
    severity=Severity.CRITICAL,
    over="manifests",
    needs=("bundle",),
    waivable=False,
    controls=(Control("eu-ai-act", "Article 12"), Control("eu-ai-act", "Article 18")),
    remediation=(
        "Render again from the released bundle, so that the pod template carries countersign.dev/card, "
        "countersign.dev/artifact and countersign.dev/verdict with its digests."
    ),
)
DIGESTS: Final = (CARD_ANNOTATION, ARTIFACT_ANNOTATION, VERDICT_ANNOTATION)
GATE_KINDS: Final = frozenset({"ConfigMap", "Job", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"})
WANTED: Final = "sha256: and 64 hex digits"


def check(manifests: Manifests, run: Run) -> Judgement:
    """Compare each pod's annotations with the bundles of the run, and look at what the gate's label covers."""
    every = pods(manifests.objects)
    if not every:
        return not_applicable(NO_POD)
    judged_pods = [pod for pod in every if not (pod.is_gate and pod.owner.kind == "Job")]
    bundles = {(bundle.card_digest, bundle.digest(bundle.card.artifact.file)) for bundle in run.bundles}
    found = [finding for pod in judged_pods for finding in _annotations(pod, bundles)]
    found += [*_verdicts(judged_pods), *_hidden(manifests, judged_pods)]
    return judged(found, verified(f"{len(judged_pods)} pods name a bundle of this run and one verdict"))


def _annotations(pod: Pod, bundles: set[tuple[str, str]]) -> Iterator[Finding]:
    digests = {key: digest_of(pod.annotations.get(key)) for key in DIGESTS}
    for key, digest in digests.items():
        if digest is None or is_filler(digest):
            missing = key not in pod.annotations
            yield Finding(
                place=_at(pod, key),
                message=f"{pod.title} {'has no annotation' if missing else 'has a placeholder in'} {key}",
                seen=None if missing else str(pod.annotations[key]),
                wanted=WANTED,
            )
    card, artifact = digests[CARD_ANNOTATION], digests[ARTIFACT_ANNOTATION]
    if card and artifact and (card, artifact) not in bundles:
        key = ARTIFACT_ANNOTATION if card in {known for known, _ in bundles} else CARD_ANNOTATION
        yield Finding(
            place=_at(pod, key),
            message=f"{pod.title} names a {key.partition('/')[2]} that is not that of a bundle judged here",
            seen=f"sha256:{digests[key]}",
            wanted=" or ".join(sorted(f"sha256:{pair[key == ARTIFACT_ANNOTATION]}" for pair in bundles)),
        )


def _verdicts(every: list[Pod]) -> Iterator[Finding]:
    first: str | None = None
    for pod in every:
        verdict = digest_of(pod.annotations.get(VERDICT_ANNOTATION))
        first = first or verdict
        taken = {digest_of(pod.annotations.get(key)) for key in (CARD_ANNOTATION, ARTIFACT_ANNOTATION)}
        if verdict is not None and (verdict != first or verdict in taken):
            what = "the digest of its card or artifact" if verdict in taken else "another verdict than a pod before it"
            yield Finding(
                place=_at(pod, VERDICT_ANNOTATION),
                message=f"{pod.title} names {what} as its verdict",
                seen=f"sha256:{verdict}",
                wanted="one verdict for all pods",
            )


def _hidden(manifests: Manifests, every: list[Pod]) -> Iterator[Finding]:
    for item in manifests.objects:
        if is_gate(item.value) and (item.kind not in GATE_KINDS or _opens(item, every)):
            yield Finding(
                place=item.at("metadata", "labels", GATE_LABEL),
                message=f"{item.kind} {item.name} is labelled as the gate's own and so escapes the manifests digest",
                seen=str(item.labels[GATE_LABEL]),
                wanted=f"the label on nothing but the gate's {', '.join(sorted(GATE_KINDS))}",
                mend=f"remove the label {GATE_LABEL}",
            )


def _opens(item: Manifest, every: list[Pod]) -> bool:
    """Whether a network policy reaches beyond the gate's own pod."""
    selector = item.get("spec", "podSelector")
    return item.kind == "NetworkPolicy" and any(selects(selector, pod.labels) for pod in every)


def _at(pod: Pod, key: str) -> Place:
    return pod.owner.at(*pod.path, "metadata", "annotations", key)
