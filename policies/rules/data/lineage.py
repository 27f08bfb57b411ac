# SPDX-License-Identifier: Apache-2.0
"""DATA-003: the way from data and code to the artifact is closed.

## What it checks
`lineage` names the repository, the recipe and its SHA-256, and the command that made the bundle. Rows add up: training
and evaluation rows are together as many as the datasets of those roles have, and training rows as many as the list of
their digests. The recipe's digest is not that of another file. Where the repository was read too, the recipe, if its
history was, has no change that is not committed, and a commit named on the card is one of the recipe's.

## Why
An artifact without a way back can only be replaced. With data, code and libraries pinned, anyone can make it again and
see whether it comes out the same.

## Reference
AI Act Annex IV(2)(a) and (d) ask for the methods and steps of development and for the provenance of data. NIST AI RMF
MAP 4.1 has risks of components and data mapped. Rows are counted by the gate, the rest is the card's word; making the
bundle again with `countersign train` shows whether it is true.

## Fails
```yaml
lineage: null
```
The recipe is not pinned:
```yaml
lineage: {recipe_sha256: null}
```
Rows that do not add up:
```yaml
evaluation: {train_rows: 6000}
```
A digest that is the artifact's:
```yaml
lineage: {recipe_sha256: cdd2502063c4ea25670e6679a9d6329a442bcc8e6c1e2c3521dac6f620a9256d}
artifact: {sha256: cdd2502063c4ea25670e6679a9d6329a442bcc8e6c1e2c3521dac6f620a9256d}
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

from contracts.model_card import ModelCard
from contracts.model_card_assurance import Lineage
from policies.recomputation.evidence_rows import TRAINING_ROWS
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget
from policies.targets.repository import Repository

RULE = Rule(
    id="DATA-003",
    title="the way from data and code to the artifact is closed",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(2)(a)"),
        Control("eu-ai-act", "Annex IV(2)(d)"),
        Control("nist-ai-rmf", "MAP 4.1"),
    ),
    remediation="Commit the card as `countersign train` writes it: it pins recipe and data. Name the repository:\n"
    "+ lineage:\n+   repository: …",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Judge the links of the chain, and the rows that go through it."""
    lineage = bundle.card.lineage
    if lineage is None:
        return failed(finding(bundle, ("lineage",), "from which code the artifact was made is not said", "`lineage`"))
    findings = [*_links(bundle, lineage), *_rows(bundle)]
    if run.repository is not None:
        findings += _committed(bundle, lineage, run.repository)
    return judged(findings, self_reported(f"{lineage.recipe} pinned by its digest; rows add up"))


def _links(bundle: BundleTarget, lineage: Lineage) -> Iterator[Finding]:
    yield from unanswered(
        bundle,
        [
            Question(("lineage", "repository"), lineage.repository, "where the code can be got"),
            Question(("lineage", "recipe"), lineage.recipe, "the file that loads the data and fits the model"),
            Question(("lineage", "command"), lineage.command, "how the bundle is made again"),
        ],
    )
    path = ("lineage", "recipe_sha256")
    digest = lineage.recipe_sha256
    others = {bundle.card.artifact.sha256, bundle.card_digest, *(item.sha256 for item in bundle.card.evidence or ())}
    others |= {dataset.sha256 for dataset in bundle.card.datasets or () if dataset.sha256 is not None}
    if digest is None:
        yield finding(bundle, path, "the recipe is not pinned by its digest", "the SHA-256 of the recipe's file")
    elif digest in others or len(set(digest)) == 1:
        yield finding(bundle, path, "the digest is not the recipe's", "the SHA-256 of the recipe's file", digest)


def _rows(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    evaluation = card.evaluation
    train = evaluation.train_rows if evaluation is not None else None
    held_out = evaluation.evaluation_rows if evaluation is not None else None
    if train is None or held_out is None:
        yield finding(bundle, ("evaluation", "train_rows"), "rows of training and evaluation are not counted", "both")
        return
    whole = _rows_of_datasets(card)
    if train + held_out != whole:
        yield finding(
            bundle, ("evaluation", "train_rows"), "the rows of training and evaluation are not those of the datasets",
            f"{whole} rows together", f"{train} + {held_out} = {train + held_out}",
        )  # fmt: skip
    listed = bundle.files.get(TRAINING_ROWS)
    if listed is not None and listed.count(b"\n") != train:
        yield finding(bundle, ("evaluation", "train_rows"), f"{TRAINING_ROWS} lists another number of rows",
                      str(listed.count(b"\n")), train)  # fmt: skip


def _rows_of_datasets(card: ModelCard) -> int:
    used = (item for item in card.datasets or () if {"training", "evaluation"} & set(plain(item.role or "").split()))
    return sum(item.rows or 0 for item in used)


def _committed(bundle: BundleTarget, lineage: Lineage, repository: Repository) -> Iterator[Finding]:
    if lineage.recipe in repository.dirty:
        yield finding(bundle, ("lineage", "recipe"), "the recipe has changes that are not committed", "none",
                      lineage.recipe)  # fmt: skip
    commits = {commit.sha for commit in repository.history.get(lineage.recipe or "", ())}
    if lineage.commit is not None and commits and lineage.commit not in commits:
        yield finding(bundle, ("lineage", "commit"), "the commit is none of the recipe's", "a commit that changed it",
                      lineage.commit)  # fmt: skip
