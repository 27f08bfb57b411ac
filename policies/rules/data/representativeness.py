# SPDX-License-Identifier: Apache-2.0
"""DATA-005: whom the data is about is compared with whom the model is meant for.

## What it checks
Each dataset says whom it represents (`representativeness`) and where (`geography`), and the card whom and where the
model is meant for (`deployment`). Every place of the deployment is one of the data's. At tier high no dataset says that
it represents no population. The gate compares the shares of the labels: those of the evaluation rows are within 0.05 of
those of the training rows in the drift baseline.

## Why
A model of one country's customers is a guess about another's. An evaluation on rows with other shares of labels than
the model was trained for says little of either.

## Reference
AI Act Article 10(3) asks for data that is sufficiently representative, Article 10(4) for regard to the geographical and
functional setting; POPIA section 16 for information that is complete and accurate. The 0.05 is Countersign's own.

## Fails
```yaml
deployment: null
```
The model goes where its data has never been:
```yaml
deployment: {geography: [South Africa]}
```
Whom the data represents is left open:
```yaml
datasets:
  - {name: customers, datasheet: {geography: [California, United States], representativeness: unknown}}
```
At tier high data of nobody will not do:
```yaml
governance_tier: High Risk
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

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run

RULE = Rule(
    id="DATA-005",
    title="whom the data is about is compared with whom the model is meant for",
    severity=Severity.MEDIUM,
    over="recomputation",
    controls=(
        Control("eu-ai-act", "Article 10(3)"),
        Control("eu-ai-act", "Article 10(4)"),
        Control("popia", "Section 16"),
    ),
    remediation="Say whom the data represents and whom the model is for, and evaluate on people of the latter:\n"
    "+ deployment:\n+   population: …\n+   geography: […]",
)

MOST_APART: Final = 0.05
_NOBODY: Final = ("represents no population", "represent no population", "not representative")


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare populations, places and the shares of labels."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    findings = [*_said(target), *_places(target), *_nobody(target), *_labels(target, measured)]
    return judged(findings, self_reported("places of data and deployment agree; shares of labels computed"))


def _said(target: Recomputation) -> Iterator[Finding]:
    bundle, deployment = target.bundle, target.card.deployment
    wanted = "whom the model is meant for"
    population = deployment.population if deployment else None
    yield from unanswered(bundle, [Question(("deployment", "population"), population, wanted)])
    for place, dataset in enumerate(target.card.datasets or ()):
        path = ("datasets", place, "datasheet", "representativeness")
        text = dataset.datasheet.representativeness if dataset.datasheet else None
        yield from unanswered(bundle, [Question(path, text, "whom the rows represent, and whom not")])


def _places(target: Recomputation) -> Iterator[Finding]:
    meant = (target.card.deployment.geography if target.card.deployment else None) or ()
    sheets = [dataset.datasheet for dataset in target.card.datasets or () if dataset.datasheet is not None]
    known = {plain(place) for sheet in sheets for place in sheet.geography or ()}
    if not meant or not known:
        path = ("deployment", "geography") if not meant else ("datasets", 0, "datasheet", "geography")
        yield finding(target.bundle, path, f"{path[-1]} of {path[0]} is missing", "places, or that there are none")
        return
    for place in meant:
        if plain(place) not in known:
            yield finding(target.bundle, ("deployment", "geography"), f"no dataset is from {place}",
                          "data from where the model is used", place)  # fmt: skip


def _nobody(target: Recomputation) -> Iterator[Finding]:
    if strictest_tier(target.card) is not Tier.HIGH:
        return
    for place, dataset in enumerate(target.card.datasets or ()):
        text = plain((dataset.datasheet.representativeness if dataset.datasheet else None) or "")
        if any(words in text for words in _NOBODY):
            yield finding(
                target.bundle, ("datasets", place, "datasheet", "representativeness"),
                "at tier high a model is evaluated on those it is for", "data that represents a population", text,
            )  # fmt: skip


def _labels(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    trained = measured.training_labels
    if trained is None:
        yield finding(target.bundle, ("evidence",), "the evidence has no drift baseline to compare labels with",
                      "`- file: evidence/drift-baseline.json` with its digest")  # fmt: skip
        return
    for label, count in measured.figures.labels.items():
        share, before = count / measured.rows, trained.get(label, 0.0)
        if abs(share - before) > MOST_APART:
            yield finding(
                target.bundle, ("evaluation", "split"), f"the evaluation rows have another share of {label}",
                f"within {MOST_APART:g} of {before:.4f}, the share in training", f"{share:.4f}",
            )  # fmt: skip
