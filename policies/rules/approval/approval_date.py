# SPDX-License-Identifier: Apache-2.0
"""APPR-004: the approval is later than the evaluation, and not too old.

## What it checks
As many approvals as the tier asks for were decided on or after the days of training and evaluation, not after the day
of the run, and at most 180 days (tier high), 365 (medium) or 730 (low) before it.

## Why
Nobody can approve figures that were not there yet, and an approval of long ago was given in another world. A date in
the future is a mistake or a lie.

## Reference
AI Act Annex IV(2)(g) asks for test reports dated and signed by those responsible. The longest ages are Countersign's
own policy, and equal to the longest interval between reviews.

## Fails
The evaluation took place after everyone had approved:
```yaml
evaluation:
  date: 2026-11-24
```
So did the training:
```yaml
training_date: 2026-12-01
```
A year and a day later nobody has approved again:
```yaml
# as of: 2027-11-24
{}
```

## Passes
Approved on the day of the evaluation:
```yaml
{}
```
"""

import datetime as dt
from collections.abc import Iterator

from policies.classification import strictest_tier
from policies.governance.governance import SignedApproval
from policies.rules.approval.next_review import LONGEST_DAYS
from policies.rules.approval.signatures import binds, meant, needed, none_counts
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="APPR-004",
    title="the approval is later than the evaluation, and not too old",
    severity=Severity.HIGH,
    over="bundle",
    controls=(Control("eu-ai-act", "Annex IV(2)(g)"),),
    remediation="Have the bundle approved again, after its evaluation:\n"
    "countersign approve models/<id>/<version> --as NAME --key KEY.pem",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare the dates of the decisions with those of the card and of the run."""
    found = [approval for approval in meant(bundle, run) if binds(bundle, approval)]
    if not found:
        return judged([none_counts(bundle, run)], verified(""))
    if bundle.card.evaluation is None:
        where = bundle.at("evaluation")
        return judged([Finding(place=where, message="evaluation is missing", wanted="its date")], verified(""))
    findings = {approval.approver.name: list(_findings(bundle, approval, run)) for approval in found}
    timely = [name for name, problems in findings.items() if not problems]
    note = f"decided in time by {', '.join(timely)}, evaluated on {bundle.card.evaluation.date}"
    enough = len(timely) >= min(needed(bundle), len(findings))
    return judged(() if enough else [item for problems in findings.values() for item in problems], verified(note))


def _findings(bundle: BundleTarget, approval: SignedApproval, run: Run) -> Iterator[Finding]:
    name, decided = approval.approver.name, approval.decided
    card = bundle.card
    evaluated = None if card.evaluation is None else card.evaluation.date
    for path, day in ((("training_date",), card.training_date), (("evaluation", "date"), evaluated)):
        if day is not None and decided < day:
            yield Finding(
                place=bundle.at(*path),
                message=f"{name!r} approved on {decided}, before {' '.join(path)}",
                seen=day.isoformat(),
                wanted=f"{decided} or earlier",
            )
    oldest = run.as_of - dt.timedelta(days=LONGEST_DAYS[strictest_tier(card)])
    if decided > run.as_of:
        yield _dated(approval, "in the future", f"{run.as_of} or earlier")
    if decided < oldest:
        yield _dated(approval, "too long ago for the tier", f"{oldest} or later")


def _dated(approval: SignedApproval, problem: str, wanted: str) -> Finding:
    return Finding(
        place=approval.place,
        message=f"{approval.approver.name!r} approved {problem}",
        seen=approval.decided.isoformat(),
        wanted=wanted,
    )
