# SPDX-License-Identifier: Apache-2.0
"""DATA-007: training data is kept no longer than it is needed, and until when is said.

## What it checks
Each dataset says how long it is kept (`retention`), and `retention.training_data` says it for the model. A dataset with
personal data has the day by which it is deleted (`retain_until`), which lies ahead; if that day has passed, the data
should be gone, and the model with it or shown to be free of it. A dataset without personal data may be kept as long as
its text says.

## Why
Data that is no longer needed can only be leaked.

## Reference
GDPR Article 5(1)(e) limits storage to what the purpose needs; POPIA section 14 likewise. Whether the data is really
deleted is left to people.

## Fails
```yaml
datasets: [{name: customers, personal_data: false}]
```
Personal data without a day:
```yaml
datasets: [{name: customers, personal_data: true, retention: as long as the model is in use}]
```
The day has passed:
```yaml
datasets: [{name: customers, personal_data: true, retention: one year, retain_until: 2026-11-22}]
```
What holds for the model is left open:
```yaml
retention: {training_data: TBD}
```

## Passes
```yaml
{}
```
```yaml
datasets: [{name: customers, personal_data: true, retention: until the next version, retain_until: 2027-05-31}]
```
"""

from collections.abc import Iterator

from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="DATA-007",
    title="training data is kept no longer than it is needed, and until when is said",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(Control("gdpr", "Article 5(1)(e)"), Control("popia", "Section 14")),
    remediation="Say until when the data is kept, and delete it then:\n+ retention: …\n+ retain_until: 2027-05-31",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Judge texts and days."""
    days = [str(dataset.retain_until) for dataset in bundle.card.datasets or () if dataset.retain_until]
    return judged(
        _findings(bundle, run), self_reported(f"deleted by {', '.join(days)}" if days else "as the card says")
    )


def _findings(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    card = bundle.card
    kept = card.retention.training_data if card.retention else None
    yield from unanswered(bundle, [Question(("retention", "training_data"), kept, "how long training data is kept")])
    if not card.datasets:
        yield finding(bundle, ("datasets",), "the card names no dataset", "datasets with their retention")
    for place, dataset in enumerate(card.datasets or ()):
        path = ("datasets", place, "retention")
        yield from unanswered(bundle, [Question(path, dataset.retention, "how long it is kept, and why")])
        day = dataset.retain_until
        path = ("datasets", place, "retain_until")
        if day is None and dataset.personal_data is not False:
            yield finding(bundle, path, f"{dataset.name} has no day of deletion", f"a day after {run.as_of}")
        elif day is not None and day <= run.as_of:
            yield finding(bundle, path, f"the day of deletion of {dataset.name} has passed", f"a day after {run.as_of}",
                          day)  # fmt: skip
