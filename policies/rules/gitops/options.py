# SPDX-License-Identifier: Apache-2.0
"""What an object or an application may not ask of Argo CD, because it switches off what holds the rest."""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding
from policies.targets.manifest import Manifest

HOOK: Final = "argocd.argoproj.io/hook"
OPTIONS: Final = "argocd.argoproj.io/sync-options"
REFUSED: Final = {
    "validate=false": "objects that Kubernetes refuses are applied all the same",
    "replace=true": "objects are replaced whole, whoever else changed them",
    "force=true": "objects are deleted and made again, and the pods with them",
}


def refused_options(item: Manifest, annotations: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Finding]:
    """The options of an object's annotation."""
    given = annotations.get(OPTIONS)
    for option in given.split(",") if isinstance(given, str) else []:
        yield from refused(item, (*path, OPTIONS), option)


def refused(item: Manifest, path: tuple[str | int, ...], option: Any) -> Iterator[Finding]:
    """One option, however it is spelled."""
    why = REFUSED.get("".join(str(option).lower().split()))
    if why is not None:
        yield Finding(
            place=item.at(*path),
            message=f"{item.kind} {item.name} asks Argo CD for {str(option).strip()}: {why}",
            seen=str(option).strip(),
            wanted="an option that keeps validation and history",
            mend=f"remove {str(option).strip()}",
        )
