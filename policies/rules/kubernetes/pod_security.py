# SPDX-License-Identifier: Apache-2.0
"""K8S-003: every pod is confined: restricted, with a read-only root and no API token.

## What it checks
What the Pod Security Standard "restricted" asks, and more. For each pod and each of its containers, hooks and init
containers included: runs as non-root and not as user 0, a
seccomp profile, no privilege escalation, all capabilities dropped (only NET_BIND_SERVICE may be added), nothing
privileged, no host namespace, path or port, only harmless kinds of volume, safe kernel settings; a read-only root file
system; no service-account token unless one is projected for a stated audience, or for the gate's own Job; no process
namespace shared by containers, because the sidecar's signing key would be readable from its neighbour.
A value that is not exactly `true` or `false` counts as the dangerous one: Kubernetes reads `yes` as true.

## Why
Who breaks into the service must not reach the evidence beside it, the node below it, or the cluster's API.

## Reference
AI Act Article 15(5); GDPR Article 32. Kubernetes, "Pod Security Standards", profile restricted; the read-only root and
the tokens go beyond it.

## Fails
A sidecar without a security context of its own:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  initContainers:
    - {name: audit, restartPolicy: Always}
  containers:
    - name: service
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
```
A container that takes back what the pod says:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: service
      securityContext:
        runAsUser: 0
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
```

## Passes
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: service
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
```
"""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.kubernetes.pods import NO_POD, Container, Pod, pods
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifests import Manifests

RULE = Rule(
    id="K8S-003",
    title="every pod is confined: restricted, with a read-only root and no API token",
    severity=Severity.HIGH,
    over="manifests",
    controls=(
        Control("eu-ai-act", "Article 15(5)"),
        Control("gdpr", "Article 32"),
        Control("nist-ai-rmf", "MEASURE 2.7"),
    ),
    remediation=(
        "Set on the pod automountServiceAccountToken: false and securityContext {runAsNonRoot: true, seccompProfile: "
        "{type: RuntimeDefault}}; on every container securityContext {allowPrivilegeEscalation: false, "
        "readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}."
    ),
)
VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip


def check(manifests: Manifests, run: Run) -> Judgement:
    """Judge each pod, then each of its containers."""
    every = pods(manifests.objects)
    if not every:
        return not_applicable(NO_POD)
    found: list[Finding] = []
    for pod in every:
        found += [*_pod(pod), *_volumes(pod)]
        for container in pod.containers():
            found += [*_identity(pod, container), *_container(container), *_reach(container)]
    return judged(found, verified(f"{len(every)} pods are confined"))


def _pod(pod: Pod) -> Iterator[Finding]:
    for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if pod.get(key) not in (None, False):
            yield _finding(pod, (key,), f"sets {key}", pod.get(key), "false")
    if pod.get("automountServiceAccountToken") is not False:
        seen = pod.get("automountServiceAccountToken")
        yield _finding(pod, ("automountServiceAccountToken",), "mounts a token for the cluster's API", seen, "false")
    for index, sysctl in enumerate(pod.items("securityContext", "sysctls")):
        name = sysctl.get("name") if isinstance(sysctl, dict) else sysctl
        if name not in SYSCTLS:
            yield _finding(pod, ("securityContext", "sysctls", index), "sets an unsafe sysctl", name, "a safe one")


def _volumes(pod: Pod) -> Iterator[Finding]:
    for index, volume in enumerate(pod.items("volumes")):
        kinds = set(volume) - {"name"} if isinstance(volume, dict) else {"nothing"}
        path = ("volumes", index)
        for kind in sorted(kinds - VOLUMES):
            yield _finding(pod, (*path, kind), "mounts a volume that is not harmless", kind, ", ".join(sorted(VOLUMES)))
        for number, source in enumerate(pod.items(*path, "projected", "sources")):
            token = source.get("serviceAccountToken") if isinstance(source, dict) else None
            if token is not None and not pod.is_gate and not (isinstance(token, dict) and token.get("audience")):
                at = (*path, "projected", "sources", number, "serviceAccountToken")
                yield _finding(pod, at, "projects a token for the cluster's API", None, "an audience of its own")


def _identity(pod: Pod, container: Container) -> Iterator[Finding]:
    """What a container may take over from its pod, or take back."""
    if _effective(pod, container, "runAsNonRoot") is not True:
        yield _of(container, ("runAsNonRoot",), "may run as root", _effective(pod, container, "runAsNonRoot"), "true")
    user = _effective(pod, container, "runAsUser")
    if user is not None and (not isinstance(user, int) or user <= 0):
        yield _of(container, ("runAsUser",), "runs as user 0", user, "another user, such as 65532")
    profile = _effective(pod, container, "seccompProfile")
    kind = profile.get("type") if isinstance(profile, dict) else None
    if kind not in ("RuntimeDefault", "Localhost"):
        yield _of(container, ("seccompProfile", "type"), "has no seccomp profile", kind, "RuntimeDefault")


def _container(container: Container) -> Iterator[Finding]:
    for key, wanted, what in (
        ("allowPrivilegeEscalation", False, "may gain privileges"),
        ("readOnlyRootFilesystem", True, "may write to its root file system"),
    ):
        if container.get("securityContext", key) is not wanted:
            yield _of(container, (key,), what, container.get("securityContext", key), str(wanted).lower())
    if container.get("securityContext", "privileged") not in (None, False):
        yield _of(container, ("privileged",), "is privileged", container.get("securityContext", "privileged"), "false")
    capabilities = container.mapping("securityContext", "capabilities")
    if "ALL" not in (capabilities.get("drop") or []):
        yield _of(container, ("capabilities", "drop"), "keeps capabilities", capabilities.get("drop"), "[ALL]")
    added = capabilities.get("add") or []
    if not isinstance(added, list) or set(map(str, added)) - {"NET_BIND_SERVICE"}:
        yield _of(container, ("capabilities", "add"), "adds capabilities", added, "none but NET_BIND_SERVICE")
    if container.get("securityContext", "procMount") not in (None, "Default"):
        yield _of(container, ("procMount",), "unmasks /proc", container.get("securityContext", "procMount"), "Default")


def _reach(container: Container) -> Iterator[Finding]:
    for index, port in enumerate(container.owner.items(*container.path, "ports")):
        if isinstance(port, dict) and port.get("hostPort") not in (None, 0):
            yield Finding(
                place=container.at("ports", index, "hostPort"),
                message=f"container {container.name} takes a port of its node",
                seen=str(port["hostPort"]),
                wanted="no hostPort",
            )


def _effective(pod: Pod, container: Container, key: str) -> Any:
    """A setting of the container, else of the pod."""
    own = container.get("securityContext", key)
    return pod.get("securityContext", key) if own is None else own


def _finding(pod: Pod, path: tuple[str | int, ...], what: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=pod.at(*path), message=f"{pod.title} {what}", seen=None if seen is None else str(seen), wanted=wanted
    )


def _of(container: Container, path: tuple[str, ...], what: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=container.at("securityContext", *path),
        message=f"container {container.name} {what}",
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
