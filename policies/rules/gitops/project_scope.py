# SPDX-License-Identifier: Apache-2.0
"""GIT-001: every project names what it may deploy, from where and to where.

## What it checks
Each AppProject lists its source repositories, destinations and kinds by name: no `*` among repositories, servers,
clusters, cluster-scoped kinds and namespaced kinds, and no namespace pattern that reaches the namespaces of Kubernetes,
Argo CD or `default`. Only the project `platform` may deploy what decides about others: roles of the whole cluster,
admission policies and webhooks, definitions of resources. Each Application and ApplicationSet belongs to a project of
this folder, named in full, and never to `default`.

## Why
Whoever may write to one repository must not be able to switch off the admission policy that stands behind the gate.
The project `default` allows everything.

## Reference
ISO/IEC 42001 A.6.2.5: deployment as planned. Argo CD, "Projects".

## Fails
```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: models}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: ml-prod}]
  clusterResourceWhitelist: []
  namespaceResourceWhitelist: [{group: apps, kind: Deployment}]
```
A pattern that reaches further than its name says, and an admission policy in the wrong hands:
```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: models}
spec:
  sourceRepos: ["https://git.example/deploy.git"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: "*-*"}]
  clusterResourceWhitelist: [{group: admissionregistration.k8s.io, kind: ValidatingAdmissionPolicyBinding}]
  namespaceResourceWhitelist: [{group: apps, kind: Deployment}]
```

## Passes
```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: models}
spec:
  sourceRepos: ["https://git.example/deploy.git"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: "ml-*"}]
  clusterResourceWhitelist: []
  namespaceResourceWhitelist: [{group: apps, kind: Deployment}]
```
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.place import Place
from policies.rules.gitops.application import templates
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.argocd import ArgoCd
from policies.targets.manifest import Manifest

RULE = Rule(
    id="GIT-001",
    title="every project names what it may deploy, from where and to where",
    severity=Severity.CRITICAL,
    over="argocd",
    waivable=False,
    controls=(Control("iso-42001", "A.6.2.5"), Control("eu-ai-act", "Article 15(5)")),
    remediation="Replace each `*` by the names that are meant, and give each application a project of its own.",
)
PLATFORM: Final = "platform"
NAMESPACES: Final = ("argocd", "default", "kube-node-lease", "kube-public", "kube-system")
DECIDING: Final = (
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "rbac.authorization.k8s.io",
)  # fmt: skip
"""Groups whose cluster-scoped kinds decide what others may do."""


def check(argocd: ArgoCd, run: Run) -> Judgement:
    """Judge each project, then where each application belongs."""
    projects = argocd.of("AppProject")
    found = [finding for project in projects for finding in _project(project)]
    if not projects:
        found.append(Finding(place=Place(argocd.name), message="there is no AppProject", wanted="one for the models"))
    found += _membership(argocd, {project.name for project in projects})
    return judged(found, verified(f"{len(projects)} projects without wildcards"))


def _project(project: Manifest) -> Iterator[Finding]:
    yield from _listed(project, "sourceRepos", lambda item: isinstance(item, str) and item and "*" not in item)
    yield from _listed(project, "destinations", _destination)
    yield from _listed(project, "namespaceResourceWhitelist", _kind)
    yield from _listed(project, "clusterResourceWhitelist", _kind, empty=True)
    if project.name != PLATFORM:
        for index, item in enumerate(project.items("spec", "clusterResourceWhitelist")):
            if isinstance(item, dict) and item.get("group") in DECIDING:
                yield Finding(
                    place=project.at("spec", "clusterResourceWhitelist", index),
                    message=f"project {project.name} may deploy what decides about others",
                    seen=f"{item.get('group')}/{item.get('kind')}",
                    wanted=f"such kinds in project {PLATFORM} alone",
                )


def _listed(project: Manifest, key: str, good: Any, empty: bool = False) -> Iterator[Finding]:
    """A list that must be there, with entries that name what they mean."""
    given = project.get("spec", key)
    if not isinstance(given, list) or not (given or empty):
        yield Finding(
            place=project.at("spec", key),
            message=f"project {project.name} does not list {key}, so that anything goes or nothing",
            seen=None if given is None else str(given),
            wanted="[] for none" if empty else "a list of names",
        )
        return
    for index, item in enumerate(given):
        if not good(item):
            yield Finding(
                place=project.at("spec", key, index),
                message=f"project {project.name} has an entry in {key} that is wider than a name",
                seen=str(item),
                wanted="names without `*`; a namespace may end in one",
            )


def _destination(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    cluster = item.get("server") or item.get("name")
    namespace = item.get("namespace")
    return (
        isinstance(cluster, str)
        and "*" not in f"{item.get('server', '')}{item.get('name', '')}"
        and isinstance(namespace, str)
        and "*" not in namespace[:-1]
        and len(namespace.rstrip("*")) > 2
        and not any(fnmatchcase(reserved, namespace) for reserved in NAMESPACES)
    )


def _kind(item: Any) -> bool:
    """The core group is written as an empty string; a kind never is."""
    if not isinstance(item, dict):
        return False
    group, kind = item.get("group"), item.get("kind")
    return isinstance(group, str) and isinstance(kind, str) and bool(kind) and "*" not in group + kind


def _membership(argocd: ArgoCd, projects: set[str]) -> Iterator[Finding]:
    for template in templates(argocd):
        project = template.get("project")
        if not isinstance(project, str) or project == "default" or project not in projects:
            yield Finding(
                place=template.at("project"),
                message=f"{template.title} belongs to no project of this folder",
                seen=None if project is None else str(project),
                wanted=", ".join(sorted(projects - {"default"})) or "a project that is defined here",
            )
