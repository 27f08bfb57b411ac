# SPDX-License-Identifier: Apache-2.0
"""APPR-002: an approval binds the card, the artifact and every evidence file as they are.

## What it checks
At least one approval of this model and version names the SHA-256 of every file of the bundle, computed anew, and no
other file. An approval in which any of them differs is void.

## Why
What was approved and what is released have to be the same bytes. One changed digit of a metric, one exchanged file of
evidence, and the decision was about something else.

## Reference
AI Act Annex IV(2)(g) asks for test reports dated and signed by those responsible, and Article 17 for procedures that
cover changes. The comparison itself needs no judgement: digests are equal or they are not.

## Fails
There is no approval:
```yaml
bundle: {}
governance: {}
```

## Passes
Everything is as it was approved:
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.governance.governance import SignedApproval
from policies.rules.approval.signatures import binds, bound, meant, model, none_counts
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="APPR-002",
    title="an approval binds the card, the artifact and every evidence file as they are",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(Control("eu-ai-act", "Article 17"), Control("eu-ai-act", "Annex IV(2)(g)")),
    remediation="Restore the files that were approved, or have the bundle approved as it is now:\n"
    "countersign approve models/<id>/<version> --as NAME --key KEY.pem",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare what was bound with what is there."""
    holding = [approval for approval in meant(bundle, run) if binds(bundle, approval)]
    note = f"{len(bound(bundle))} files as approved by {', '.join(item.approver.name for item in holding)}"
    return judged(() if holding else _findings(bundle, run), verified(note))


def _findings(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    void = meant(bundle, run)
    if not void:
        yield none_counts(bundle, run)
    for approval in void:
        yield from _differences(bundle, approval)


def _differences(bundle: BundleTarget, approval: SignedApproval) -> Iterator[Finding]:
    found = bound(bundle)
    for file in sorted(found.keys() | approval.subjects.keys()):
        was, now = approval.subjects.get(file), found.get(file)
        if was != now:
            yield Finding(
                place=bundle.file_place(file) if now is not None else approval.place,
                message=f"{file} is not what {approval.approver.name!r} approved on {approval.decided} "
                f"for {model(bundle)}",
                seen=now or "the bundle names no such file",
                wanted=was or "a file that the approval binds",
            )
