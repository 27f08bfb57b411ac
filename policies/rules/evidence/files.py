# SPDX-License-Identifier: Apache-2.0
"""EVID-001: the evidence is the evidence that the card names, and it is not from the future.

## What it checks
Every evidence file has the SHA-256 that the card gives it, and so has the explanation. The files from which figures are
computed are among them: labels, and the features of the evaluation rows, or scores where the card says that figures
come from predictions. No two files have one digest, and nothing lies in the bundle that the card does not name.
Training, evaluation and the evaluation of fairness happened by the day of the run, the evaluations not before the
training.

## Why
A figure is as good as the rows behind it. If one of them was changed after the approval, the approval is for something
else.

## Reference
AI Act Annex IV(2)(g) asks for test logs and reports that are dated and signed. NIST AI RMF MEASURE 2.1 has test sets
documented. Who signed for these digests is APPR-002's question.

## Fails
A digest that is another file's:
```yaml
evidence:
  - {file: evidence/evaluation.csv, content: rows,
     sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
```
The labels were left out:
```yaml
evidence:
  - {file: evidence/evaluation.csv, content: rows,
     sha256: c25bf25dc82c4faec0bbd2e97ce1f5085541f9c194b593837ca6f35384606903}
```
The evaluation took place before the model was trained:
```yaml
training_date: 2026-11-23
evaluation: {date: 2026-11-01}
```
It has not taken place yet:
```yaml
evaluation: {date: 2026-12-24}
```
There is no evidence at all:
```yaml
evidence: null
```

## Passes
```yaml
{}
```
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from policies.recomputation.evidence_rows import EVALUATION, LABELS, SCORES
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="EVID-001",
    title="the evidence is the one that the card names, and it is not from the future",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(Control("eu-ai-act", "Annex IV(2)(g)"), Control("nist-ai-rmf", "MEASURE 2.1")),
    remediation="Restore the released files, or train again and have the new digests approved.",
)

_NEEDED: Final = {"model": (EVALUATION, LABELS), "predictions": (SCORES, LABELS)}


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare digests and dates."""
    findings = [*_digests(bundle), *_missing(bundle), *_repeated(bundle), *_unlisted(bundle), *_dates(bundle, run)]
    return judged(findings, verified(f"{len(bundle.card.evidence or ())} files have the digests on the card"))


def _digests(bundle: BundleTarget) -> Iterator[Finding]:
    named: list[tuple[tuple[str | int, ...], str, str]] = [
        (("evidence", place, "sha256"), item.file, item.sha256) for place, item in enumerate(bundle.card.evidence or ())
    ]
    if bundle.card.explanation is not None:
        named.append((("explanation", "sha256"), bundle.card.explanation.file, bundle.card.explanation.sha256))
    for path, file, digest in named:
        if bundle.digest(file) != digest:
            yield Finding(
                place=bundle.at(*path),
                message=f"{file} has another SHA-256 than the card says",
                seen=digest,
                wanted=bundle.digest(file),
                mend="restore the file; if it is meant to be another, train again and have it approved",
            )


def _missing(bundle: BundleTarget) -> Iterator[Finding]:
    listed = {item.file for item in bundle.card.evidence or ()}
    evaluation = bundle.card.evaluation
    level = (evaluation.recomputable_from if evaluation else None) or "model"
    for file in _NEEDED[level]:
        if file not in listed:
            yield Finding(
                place=bundle.at("evidence"),
                message=f"the evidence lacks {file}, from which figures are computed",
                wanted=f"`- file: {file}` with its digest",
            )


def _repeated(bundle: BundleTarget) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for place, item in enumerate(bundle.card.evidence or ()):
        if item.sha256 in first:
            yield Finding(
                place=bundle.at("evidence", place, "sha256"),
                message=f"{item.file} is the same file as {first[item.sha256]}",
                seen=item.sha256,
                wanted="a file of its own",
            )
        first.setdefault(item.sha256, item.file)


def _unlisted(bundle: BundleTarget) -> Iterator[Finding]:
    for file in bundle.unlisted:
        yield Finding(
            place=bundle.file_place(file),
            message=f"{file} lies in the bundle, and neither the card nor an approval knows it",
            seen=file,
            wanted="no file that the card does not name",
            mend="remove it, or name it among the evidence with its digest and have the bundle approved",
        )


def _dates(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    card = bundle.card
    dates: list[tuple[tuple[str, ...], dt.date | None]] = [
        (("training_date",), card.training_date),
        (("evaluation", "date"), card.evaluation.date if card.evaluation else None),
    ]
    if card.fairness is not None and card.fairness.attributes:
        dates.append((("fairness", "evaluation_date"), card.fairness.evaluation_date))
    for path, date in dates:
        name = ".".join(path)
        if date is None:
            yield Finding(place=bundle.at(*path), message=f"{name} is missing", wanted="the day it took place")
        elif date > run.as_of:
            yield Finding(
                place=bundle.at(*path),
                message=f"{name} is in the future",
                seen=date.isoformat(),
                wanted=f"{run.as_of} or earlier",
            )
        elif card.training_date is not None and date < card.training_date:
            yield Finding(
                place=bundle.at(*path),
                message=f"{name} is before the training, so another model was evaluated",
                seen=date.isoformat(),
                wanted=f"{card.training_date} or later",
            )
