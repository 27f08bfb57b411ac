# SPDX-License-Identifier: Apache-2.0
"""DATA-002: how each dataset came to be, and what it does not show, is written down.

## What it checks
Each dataset has a datasheet that says how the data was collected, labelled and cleaned, and which gaps are known. Each
answer says something, and none stands twice.

## Why
What is wrong with a model is mostly what was wrong with its data: who was asked, who labelled, what was dropped.

## Reference
AI Act Annex IV(2)(d) asks for datasheets on how data was obtained, labelled and cleaned; Article 10(2)(c) names the
preparation of data and Article 10(2)(h) its gaps. ISO/IEC 42001 A.7.2 and A.7.6 have the management and preparation of
data documented. Whether the answers are true is left to people.

## Fails
```yaml
datasets:
  - {name: customers}
```
One answer for everything:
```yaml
datasets:
  - name: customers
    datasheet:
      collection: see the data warehouse
      labelling: see the data warehouse
      cleaning: See the data warehouse.
      known_gaps: see the data warehouse
```
Gaps that nobody looked for:
```yaml
datasets:
  - name: customers
    datasheet:
      collection: every account of the billing system on the last day of the quarter
      labelling: churn if the account was closed in the quarter after
      cleaning: test accounts were dropped
      known_gaps: n/a
```

## Passes
```yaml
{}
```
```yaml
# card: telecom-churn
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="DATA-002",
    title="how each dataset came to be, and what it does not show, is written down",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(2)(d)"),
        Control("eu-ai-act", "Article 10(2)(c)"),
        Control("eu-ai-act", "Article 10(2)(h)"),
        Control("iso-42001", "A.7.2"),
        Control("iso-42001", "A.7.6"),
    ),
    remediation="Answer each question of the datasheet in the recipe:\n+ datasheet:\n+   collection: …\n"
    "+   labelling: …\n+   cleaning: …\n+   known_gaps: …",
)

_ASKED: Final = {
    "collection": "who or what the rows are, and how they were collected",
    "labelling": "how each row got its label",
    "cleaning": "what was changed or dropped, or that nothing was",
    "known_gaps": "what the data does not show",
}


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge the answers of every datasheet."""
    return judged(
        _findings(bundle), self_reported(f"{len(bundle.card.datasets or ())} datasheets with four answers each")
    )


def _findings(bundle: BundleTarget) -> Iterator[Finding]:
    if not bundle.card.datasets:
        yield finding(bundle, ("datasets",), "the card names no dataset", "a dataset with its datasheet")
    for place, dataset in enumerate(bundle.card.datasets or ()):
        sheet = dataset.datasheet
        path = ("datasets", place, "datasheet")
        if sheet is None:
            yield finding(bundle, path, f"{dataset.name} has no datasheet", ", ".join(_ASKED))
            continue
        yield from unanswered(
            bundle, [Question((*path, key), getattr(sheet, key), wanted) for key, wanted in _ASKED.items()]
        )
