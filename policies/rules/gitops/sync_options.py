# SPDX-License-Identifier: Apache-2.0
"""GIT-006: no application asks Argo CD to switch off what the gate relies on.

## What it checks
No application and no object beside it asks for `Validate=false`, `Replace=true` or `Force=true`, in `syncOptions` or by
annotation; automated sync, where it is on, prunes and heals itself, so that what runs is what is in the repository; no
sync strategy is set that leaves hooks out (`apply`). Argo CD's own settings, where they are in the folder, let nobody
sync another revision without the right to override, and grant that right to no role.

## Why
The gate is a hook. What skips hooks, or lets someone sync whatever revision they like, is a door beside it.

## Reference
ISO/IEC 42001 A.6.2.5. Argo CD, "Sync options" and "RBAC configuration".

## Fails
```yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: model}
spec:
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [ServerSideApply=true, " validate = False"]
```

## Passes
```yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: model}
spec:
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [ServerSideApply=true]
```
"""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.gitops.application import Template, templates
from policies.rules.gitops.options import refused, refused_options
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.argocd import ArgoCd
from policies.targets.manifest import Manifest

RULE = Rule(
    id="GIT-006",
    title="no application asks Argo CD to switch off what the gate relies on",
    severity=Severity.HIGH,
    over="argocd",
    controls=(Control("iso-42001", "A.6.2.5"),),
    remediation="Remove the option; set automated: {prune: true, selfHeal: true}, or leave automated away.",
)
OVERRIDE: Final = "application.sync.requireOverridePrivilegeForRevisionSync"


def check(argocd: ArgoCd, run: Run) -> Judgement:
    """Judge each application, then Argo CD's settings where they are in the folder."""
    every = templates(argocd)
    if not every:
        return not_applicable("there is no application in this folder")
    found = [finding for template in every for finding in _template(template)]
    for item in argocd.objects:
        found += refused_options(item, item.annotations, ("metadata", "annotations"))
        found += _settings(item) if item.kind == "ConfigMap" else ()
    return judged(found, verified(f"{len(every)} applications keep validation, hooks and history"))


def _template(template: Template) -> Iterator[Finding]:
    policy = template.get("syncPolicy")
    options = policy.get("syncOptions") if isinstance(policy, dict) else None
    for index, option in enumerate(options if isinstance(options, list) else []):
        yield from refused(template.owner, (*template.path, "syncPolicy", "syncOptions", index), option)
    automated = template.get("syncPolicy", "automated")
    if isinstance(automated, dict) and automated.get("enabled") is not False:
        for key in ("prune", "selfHeal"):
            if automated.get(key) is not True:
                yield _finding(template, ("syncPolicy", "automated", key), automated.get(key), "true", f"without {key}")
    strategy = template.owner.get("operation", "sync", "syncStrategy")
    if isinstance(strategy, dict) and "apply" in strategy:
        yield Finding(
            place=template.owner.at("operation", "sync", "syncStrategy"),
            message=f"{template.title} is synced by a strategy that runs no hook",
            seen="apply",
            wanted="hook",
        )


def _settings(item: Manifest) -> Iterator[Finding]:
    data = item.mapping("data")
    if item.name == "argocd-cm" and data.get(OVERRIDE) != "true":
        yield Finding(
            place=item.at("data", OVERRIDE),
            message="whoever may sync may sync any revision",
            seen=None if OVERRIDE not in data else str(data[OVERRIDE]),
            wanted=f'{OVERRIDE}: "true"',
        )
    for key, value in data.items() if item.name == "argocd-rbac-cm" else ():
        for line in str(value).splitlines() if key.startswith("policy.") and key.endswith("csv") else ():
            if _grants_override(line):
                yield Finding(
                    place=item.at("data", key),
                    message="a role may override what the applications say",
                    seen=line.strip(),
                    wanted="no role with override or * on applications",
                )


def _grants_override(line: str) -> bool:
    """``p, role, resource, action, object, effect``."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < 6 or parts[0] != "p" or parts[5] != "allow":
        return False
    return parts[2] in ("applications", "applicationsets", "*") and parts[3] in ("override", "*")


def _finding(template: Template, path: tuple[str | int, ...], seen: Any, wanted: str, what: str) -> Finding:
    return Finding(
        place=template.at(*path),
        message=f"{template.title} is synced by itself {what}",
        seen=None if seen is None else str(seen).lower(),
        wanted=wanted,
    )
