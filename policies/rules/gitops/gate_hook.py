# SPDX-License-Identifier: Apache-2.0
"""GIT-003: the gate runs before every sync, and nothing goes around it.

## What it checks
The rendering holds a Job with the label `countersign.dev/gate` that Argo CD runs as a PreSync hook in a negative wave,
whose container runs `verify-verdict` by itself and not through a shell, for the day on which it runs (no `--as-of`) and
not for its help. It is tried once, ends within ten minutes, and is made anew for each sync (a generated name, or
deletion before creation). No other object is skipped by Argo CD (`hook: Skip`), and none asks for `Validate=false`,
`Replace=true` or `Force=true`.

## Why
A hook that fails stops the sync, but only if it runs: a finished Job of an earlier sync under the same name, a Job that
is retried until it hangs, `|| true` at the end of a shell line, or a day on which an old verdict still held all look
like a gate. Selective sync and the strategy `apply` skip hooks altogether; the admission policy is there for those.

## Reference
ISO/IEC 42001 A.6.2.5. Argo CD, "Resource hooks" and "Sync options".

## Fails
The hook runs a shell that never fails:
```yaml
apiVersion: batch/v1
kind: Job
metadata:
  generateName: gate-
  labels: {countersign.dev/gate: model}
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: "-10"}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 120
  template:
    spec:
      restartPolicy: Never
      containers:
        - {name: gate, command: [sh, -c, "countersign verify-verdict /v.json || true"]}
```

## Passes
```yaml
apiVersion: batch/v1
kind: Job
metadata:
  generateName: gate-
  labels: {countersign.dev/gate: model}
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: "-10"}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 120
  template:
    spec:
      restartPolicy: Never
      containers:
        - {name: gate, args: [verify-verdict, /verdict/verdict.dsse.json, --key, /verdict/gate.pub]}
```
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts.deployment import GATE_LABEL
from policies.place import Place
from policies.rules.gitops.options import HOOK, refused_options
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests
from policies.targets.manifests_digest import is_gate

RULE = Rule(
    id="GIT-003",
    title="the gate runs before every sync, and nothing goes around it",
    severity=Severity.HIGH,
    over="manifests",
    controls=(Control("iso-42001", "A.6.2.5"), Control("eu-ai-act", "Article 17")),
    remediation=(
        "Render the gate's Job with the chart: label countersign.dev/gate, annotation argocd.argoproj.io/hook: "
        "PreSync, backoffLimit: 0, activeDeadlineSeconds: 120, restartPolicy: Never, args [verify-verdict, …]."
    ),
)
POLICY: Final = "argocd.argoproj.io/hook-delete-policy"
WAVE: Final = "argocd.argoproj.io/sync-wave"
COMMAND: Final = "verify-verdict"
PROGRAM: Final = "countersign"
ANOTHER_TASK: Final = ("--as-of", "--help", "-h")
"""With these an expired verdict is verified, or nothing is, and the Job succeeds."""
LONGEST: Final = 600


def check(manifests: Manifests, run: Run) -> Judgement:
    """Look for the gate's Job, then at what every object asks of Argo CD."""
    gates = [item for item in manifests.of("Job") if is_gate(item.value)]
    found = [finding for gate in gates for finding in _gate(gate)]
    if not gates:
        found.append(
            Finding(
                place=Place(manifests.name),
                message="no Job runs the gate before a sync",
                wanted=f"a Job with the label {GATE_LABEL}",
            )
        )
    for item in manifests.objects:
        found += [*_skipped(item), *refused_options(item, item.annotations, ("metadata", "annotations"))]
    return judged(found, verified(f"{len(gates)} PreSync Job verifies the verdict"))


def _gate(gate: Manifest) -> Iterator[Finding]:
    notes = ("metadata", "annotations")
    if "PreSync" not in _words(gate.annotations.get(HOOK)):
        yield _wrong(gate, (*notes, HOOK), "is no PreSync hook", gate.annotations.get(HOOK), "PreSync")
    if not _negative(gate.annotations.get(WAVE)):
        yield _wrong(gate, (*notes, WAVE), "does not run first", gate.annotations.get(WAVE), 'a wave such as "-10"')
    fresh = gate.get("metadata", "generateName") or "BeforeHookCreation" in _words(gate.annotations.get(POLICY))
    if not fresh:
        seen = gate.annotations.get(POLICY)
        yield _wrong(gate, (*notes, POLICY), "may be one that ended long ago", seen, "BeforeHookCreation")
    for path, (wanted, good) in _SPEC.items():
        if not good(gate.get(*path)):
            yield _wrong(gate, path, f"has another {path[-1]} than a gate", gate.get(*path), wanted)
    yield from _program(gate)


def _in_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST


def _never_again(value: Any) -> bool:
    return value == 0 and value is not False


_SPEC: Final[dict[tuple[str, ...], tuple[str, Callable[[Any], bool]]]] = {
    ("spec", "backoffLimit"): ("0", _never_again),
    ("spec", "activeDeadlineSeconds"): (f"1 to {LONGEST}", _in_time),
    ("spec", "template", "spec", "restartPolicy"): ("Never", "Never".__eq__),
    ("spec", "suspend"): ("absent", (None, False).__contains__),
}


def _program(gate: Manifest) -> Iterator[Finding]:
    """The verifier itself decides how the Job ends."""
    containers = gate.items("spec", "template", "spec", "containers")
    for index, container in enumerate(containers):
        given = container if isinstance(container, dict) else {}
        words = [*(given.get("command") or []), *(given.get("args") or [])]
        if words[:1] == [PROGRAM]:
            words = words[1:]
        at = ("spec", "template", "spec", "containers", index)
        if words[:1] != [COMMAND]:
            yield _wrong(gate, at, f"does not run {COMMAND}", " ".join(map(str, words)) or None, f"{COMMAND} …")
        for word in map(str, words):
            if word.startswith(ANOTHER_TASK):
                yield _wrong(gate, at, "does not verify for the day on which it runs", word, f"{COMMAND} without it")


def _skipped(item: Manifest) -> Iterator[Finding]:
    if "Skip" in _words(item.annotations.get(HOOK)):
        yield _wrong(
            item, ("metadata", "annotations", HOOK), "is skipped by Argo CD", "Skip", "an object that is synced"
        )


def _words(value: Any) -> list[str]:
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else []


def _negative(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("-") and value[1:].isdecimal() and int(value) < 0


def _wrong(item: Manifest, path: tuple[str | int, ...], what: str, seen: Any, wanted: str) -> Finding:
    return Finding(
        place=item.at(*path),
        message=f"the {item.kind} {item.name or item.get('metadata', 'generateName')} {what}",
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
