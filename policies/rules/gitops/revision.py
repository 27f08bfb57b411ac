# SPDX-License-Identifier: Apache-2.0
"""GIT-002: what Argo CD deploys is what was reviewed, and it moves by review alone.

## What it checks
Each application follows a full commit SHA, or a branch that is protected by name (`main`, `master`, `release/…`,
`environments/…`); a chart of a repository, an exact version. Never `HEAD`, a tag, a range or another branch; the
generators of ApplicationSets likewise. Nothing in the application changes what was rendered: no Helm parameters or
inline values, no Kustomize images or patches, no plug-in, no image updater that writes to the cluster. A template
patch, which could do all of that, is refused.

## Why
The verdict is about rendered objects. A tag that moves, or a parameter beside the folder, makes other objects of them
after the gate has said yes. That the named branches are protected is the platform's to enforce; names are all that a
manifest shows.

## Reference
ISO/IEC 42001 A.6.2.5. Argo CD, "Tracking and deployment strategies".

## Fails
```yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: model}
spec:
  source: {repoURL: "https://git.example/deploy.git", targetRevision: HEAD, path: prod}
```
The right branch, and another image than was reviewed:
```yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: model}
spec:
  source:
    repoURL: https://git.example/deploy.git
    targetRevision: environments/prod
    path: prod
    kustomize: {images: ["registry.example/model:latest"]}
```

## Passes
```yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: model}
spec:
  source: {repoURL: "https://git.example/deploy.git", targetRevision: environments/prod, path: prod}
```
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.rules.gitops.application import Source, Template, templates
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.argocd import ArgoCd
from policies.targets.manifest import Manifest

RULE = Rule(
    id="GIT-002",
    title="what Argo CD deploys is what was reviewed, and it moves by review alone",
    severity=Severity.CRITICAL,
    over="argocd",
    waivable=False,
    controls=(Control("iso-42001", "A.6.2.5"), Control("eu-ai-act", "Article 15(5)")),
    remediation="Set targetRevision to the environment's protected branch or to a commit: + targetRevision: main",
)
WANTED: Final = "a 40-digit commit, main, master, release/… or environments/…"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_BRANCH: Final = re.compile(r"(refs/heads/)?(main|master|(release|environments)/[A-Za-z0-9][A-Za-z0-9._/-]*)")
_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+([+-][0-9A-Za-z.+-]+)?|sha256:[0-9a-f]{64}")
_ALLOWED: Final = frozenset(
    {"chart", "directory", "name", "path", "ref", "repoURL", "targetBranch", "targetRevision", "helm"}
)
_HELM: Final = frozenset({"releaseName", "valueFiles", "version", "skipCrds", "skipSchemaValidation", "skipTests"})
"""What may be said of a chart: none of these is a value that no file holds."""
_UPDATER: Final = "argocd-image-updater.argoproj.io/"


def check(argocd: ArgoCd, run: Run) -> Judgement:
    """Judge every source of every application, and every generator."""
    every = templates(argocd)
    if not every:
        return not_applicable("there is no application in this folder")
    found = [finding for template in every for finding in _template(template)]
    found += [finding for item in argocd.of("ApplicationSet") for finding in _generators(item)]
    return judged(found, verified(f"{len(every)} applications follow reviewed revisions and nothing else"))


def _template(template: Template) -> Iterator[Finding]:
    sources = list(template.sources())
    if not sources:
        yield Finding(place=template.at(), message=f"{template.title} has no source", wanted="a repository and a path")
    for source in sources:
        yield from _source(source)
    for key in template.annotations:
        if key.startswith(_UPDATER):
            at = (*template.path[:-1], "metadata", "annotations", key)
            yield Finding(
                place=template.owner.at(*at),
                message=f"an image updater changes {template.title} past review",
                seen=key,
                wanted="a change of the reviewed repository",
            )
    if template.owner.get("spec", "templatePatch") is not None:
        yield Finding(
            place=template.owner.at("spec", "templatePatch"),
            message=f"{template.title} patches its template, which can change any part of it",
            seen="templatePatch",
            wanted="a template that is written out",
        )


def _source(source: Source) -> Iterator[Finding]:
    hydrated = source.path[-1] == "syncSource"
    key = "targetBranch" if hydrated else "targetRevision"
    chart = source.get("chart") is not None or str(source.get("repoURL") or "").startswith("oci://")
    if not _moves_by_review(source.get(key), chart):
        yield _revision(source.at(key), source.template.title, source.get(key), "an exact version" if chart else WANTED)
    for part, value in (source.template.owner.mapping(*source.template.path, *source.path)).items():
        unknown = set(value) - _HELM if part == "helm" and isinstance(value, dict) else set()
        if part not in _ALLOWED or unknown:
            yield Finding(
                place=source.at(part, *sorted(unknown)[:1]),
                message=f"{source.template.title} changes what was rendered",
                seen=", ".join(f"{part}.{name}" for name in sorted(unknown)) or part,
                wanted="the reviewed files as they are",
                mend="write the change into the reviewed files",
            )


def _generators(item: Manifest) -> Iterator[Finding]:
    """Git generators say which applications there are; so they are held to the same."""
    for path, value in _git(item.get("spec", "generators"), ("spec", "generators")):
        if not _moves_by_review(value.get("revision"), chart=False):
            yield _revision(item.at(*path, "revision"), f"a generator of {item.name}", value.get("revision"), WANTED)


def _git(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key == "git" and isinstance(item, dict):
            yield (*path, key), item
        yield from _git(item, (*path, key))


def _moves_by_review(revision: Any, chart: bool) -> bool:
    if not isinstance(revision, str):
        return False
    return any(form.fullmatch(revision) for form in ((_VERSION,) if chart else (_COMMIT, _BRANCH)))


def _revision(place: Any, title: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=place,
        message=f"{title} follows a revision that can move without review",
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
