# SPDX-License-Identifier: Apache-2.0
"""GIT-004: Argo CD takes only commits that known keys have signed.

## What it checks
Each project verifies signatures on every repository that it may take sources from: `sourceIntegrity` with a policy that
names the repository, mode `head` or `strict`, and key ids; or, before Argo CD 3.5, `signatureKeys`; never both. A
repository that no policy names is not verified at all, so each one has to be. Charts and OCI sources cannot be verified
in this way. Whether the keys are the right ones is left to people.

## Why
Branch protection is a setting of another system. A signature travels with the commit, and a stolen token of the Git
host cannot make one.

## Reference
AI Act Article 15(5). Argo CD 3.5, "Source integrity"; before, "GnuPG signature verification".

## Fails
A policy is there, and for another repository:
```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: models}
spec:
  sourceRepos: ["https://git.example/deploy.git"]
  sourceIntegrity:
    git:
      policies:
        - repos: [{url: "https://git.example/other.git"}]
          gpg: {mode: strict, keys: [D56C4FCA57A46444]}
```

## Passes
```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: models}
spec:
  sourceRepos: ["https://git.example/deploy.git"]
  sourceIntegrity:
    git:
      policies:
        - repos: [{url: "https://git.example/deploy.git"}]
          gpg: {mode: strict, keys: [D56C4FCA57A46444]}
```
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.argocd import ArgoCd
from policies.targets.manifest import Manifest

RULE = Rule(
    id="GIT-004",
    title="Argo CD takes only commits that known keys have signed",
    severity=Severity.HIGH,
    over="argocd",
    controls=(Control("eu-ai-act", "Article 15(5)"), Control("iso-42001", "A.6.2.5")),
    remediation=(
        "Add to the project: + sourceIntegrity: {git: {policies: [{repos: [{url: <repository>}], "
        "gpg: {mode: strict, keys: [<key id>]}}]}}"
    ),
)
MODES: Final = ("head", "strict")
_KEY: Final = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40})")
_PATH: Final = ("spec", "sourceIntegrity", "git", "policies")


def check(argocd: ArgoCd, run: Run) -> Judgement:
    """Judge each project by itself."""
    projects = argocd.of("AppProject")
    if not projects:
        return not_applicable("there is no project in this folder; GIT-001 says so")
    found = [finding for project in projects for finding in _project(project)]
    return judged(found, verified(f"{len(projects)} projects verify the signatures of every repository"))


def _project(project: Manifest) -> Iterator[Finding]:
    legacy, policies = project.get("spec", "signatureKeys"), project.items(*_PATH)
    if legacy is not None and project.get("spec", "sourceIntegrity") is not None:
        message = f"project {project.name} has both sourceIntegrity and signatureKeys, which Argo CD refuses"
        yield Finding(
            place=project.at("spec", "signatureKeys"), message=message, seen="signatureKeys", wanted="sourceIntegrity"
        )
    if legacy is not None:
        entries = legacy if isinstance(legacy, list) else []
        keys = [item.get("keyID") if isinstance(item, dict) else item for item in entries]
        yield from _keys(project, ("spec", "signatureKeys"), keys)
        return
    for index, policy in enumerate(policies):
        gpg = policy.get("gpg") if isinstance(policy, dict) else None
        given = gpg if isinstance(gpg, dict) else {}
        if given.get("mode") not in MODES:
            yield _finding(project, (*_PATH, index, "gpg", "mode"), "verifies nothing", given.get("mode"), "strict")
        yield from _keys(project, (*_PATH, index, "gpg", "keys"), given.get("keys"))
    for index, repository in enumerate(project.items("spec", "sourceRepos")):
        if not any(_names(policy, repository) for policy in policies):
            wanted = "a policy of sourceIntegrity that names it"
            yield _finding(project, ("spec", "sourceRepos", index), "takes unsigned commits from", repository, wanted)


def _keys(project: Manifest, path: tuple[str | int, ...], keys: Any) -> Iterator[Finding]:
    given = keys if isinstance(keys, list) else []
    if not given:
        yield _finding(project, path, "trusts no key", None, "at least one key id")
    for index, key in enumerate(given):
        if not isinstance(key, str) or not _KEY.fullmatch(key) or len(set(key.removeprefix("0x"))) < 3:
            yield _finding(project, (*path, index), "trusts a key that is none", key, "16 or 40 hex digits of a key")


def _names(policy: Any, repository: Any) -> bool:
    """Whether a policy is about a repository; its URL may be a pattern."""
    repositories = policy.get("repos") if isinstance(policy, dict) else None
    urls = [item.get("url") for item in repositories or [] if isinstance(item, dict)]
    return any(isinstance(url, str) and fnmatchcase(str(repository), url) for url in urls)


def _finding(project: Manifest, path: tuple[str | int, ...], what: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=project.at(*path),
        message=f"project {project.name} {what}" + (f" {seen}" if what.endswith("from") else ""),
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
