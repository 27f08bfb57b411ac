# SPDX-License-Identifier: Apache-2.0
"""PERF-010: no evaluation row was trained on.

## What it checks
`evidence/training-rows.txt` lists a digest of each training row. The gate takes the same digest of every evaluation
row, from its values and not from how they were spelled, and finds none on the list. The list has as many lines as
`evaluation.train_rows` says.

## Why
A model may know by heart what it was trained on. Figures from such rows say how well it remembers.

## Reference
AI Act Article 10(3) asks for test data sets with appropriate properties; NIST AI RMF MEASURE 2.3 has performance
measured in conditions like those of use. The digest is defined in docs/figures.md. That the list is complete is the
trainer's word: the gate does not see the training rows.

## Fails
The list belongs to more rows than the card says:
```yaml
evaluation: {train_rows: 5000}
```
There is no list among the evidence:
```yaml
evidence:
  - {file: evidence/evaluation.csv, content: rows,
     sha256: c25bf25dc82c4faec0bbd2e97ce1f5085541f9c194b593837ca6f35384606903}
  - {file: evidence/labels.csv, content: labels,
     sha256: 608efaa2a967e0786d5eeb04cefcb22caa6c14f45aef49b31e28608aa0bacfee}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.recomputation.evidence_rows import EVALUATION, TRAINING_ROWS
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-010",
    title="no evaluation row was trained on",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("eu-ai-act", "Article 10(3)"), Control("nist-ai-rmf", "MEASURE 2.3")),
    remediation="Split so that equal rows stay on one side, as `countersign train` does, and evaluate again.",
)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the rows that are on both sides."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    note = f"none of {measured.rows} evaluation rows is among the digests of {measured.training_rows} training rows"
    return judged(_findings(target, measured), verified(note))


def _findings(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    if measured.training_rows is None:
        yield Finding(
            place=target.at("evidence"),
            message="the evidence has no list of training rows",
            wanted=f"`- file: {TRAINING_ROWS}` with its digest",
        )
        return
    if measured.level == "predictions":
        yield Finding(
            place=target.at("evaluation", "recomputable_from"),
            message="without the features of the evaluation rows nobody can see whether they were trained on",
            seen="predictions",
            wanted=f"`- file: {EVALUATION}` with its digest",
        )
    evaluation = target.card.evaluation
    stated = evaluation.train_rows if evaluation else None
    if stated != measured.training_rows:
        yield Finding(
            place=target.at("evaluation", "train_rows"),
            message="evaluation.train_rows is not the number of digests on the list",
            seen=None if stated is None else str(stated),
            wanted=str(measured.training_rows),
        )
    if measured.overlap:
        first = measured.overlap[0]
        place = target.bundle.file_place(EVALUATION)
        yield Finding(
            place=type(place)(place.file, first + 2),
            message=f"{len(measured.overlap)} evaluation rows were trained on, row {first} first",
            seen=f"row {first}",
            wanted="none",
        )
