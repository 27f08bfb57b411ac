# SPDX-License-Identifier: Apache-2.0
"""APPR-006: a validation report lies in the bundle, is dated after the evaluation, and is signed.

## What it checks
`evaluation.validation` names an evidence file of the bundle with something in it, who wrote it, and a date that is
neither before the evaluation nor after the day of the run. An approval binds that file. At tier high the validation is
independent, and whoever signed it holds the duty of independent validation. A validator who owns the model on the card
is not independent, whatever the card says.

## Why
A figure that was computed again shows that the figure is right, not that the model is fit for its use. That is a
judgement, so it has to be written down by someone, at a time when there was something to judge.

## Reference
AI Act Annex IV(2)(g) asks for test logs and reports dated and signed by the responsible persons. ISO/IEC 42001
A.6.2.4 asks for verification and validation.

## Fails
The card names none:
```yaml
evaluation:
  validation: null
```
It lies somewhere else:
```yaml
evaluation:
  validation:
    report: on the shared drive
```
It is older than what it is about:
```yaml
evaluation:
  validation:
    date: 2026-11-01
```
Its author owns the model, and calls that independent:
```yaml
evaluation:
  validation:
    validator: maintainers of the Countersign repository
    independent: true
```

## Passes
The card as it is:
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_assurance import Validation
from policies.classification import Tier, strictest_tier
from policies.rules.approval.signatures import counted
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="APPR-006",
    title="a validation report lies in the bundle, is dated after the evaluation, and is signed",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(Control("eu-ai-act", "Annex IV(2)(g)"), Control("iso-42001", "A.6.2.4")),
    remediation="Put the report among the evidence, name it on the card, and have the bundle approved:\n"
    "+ evaluation:\n+   validation:\n+     report: evidence/validation-report.md\n+     date: 2026-11-23\n"
    "+     validator: who wrote it",
)

_PATH: Final = ("evaluation", "validation")
_SHORTEST: Final = 200
"""Letters and digits that a report has at least: fewer do not say what was looked at and what was found."""


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Look at the file, the date, the author and the signature of the report."""
    validation = None if bundle.card.evaluation is None else bundle.card.evaluation.validation
    if validation is None:
        return failed(
            Finding(place=bundle.at(*_PATH), message="validation is missing", wanted="report, date and validator")
        )
    findings = (*_file(bundle, run, validation), *_date(bundle, run, validation), *_author(bundle, validation))
    note = f"{validation.report} of {validation.date}, by {validation.validator}; bound by an approval"
    return judged(findings, self_reported(note))


def _file(bundle: BundleTarget, run: Run, validation: Validation) -> Iterator[Finding]:
    evidence = {item.file for item in bundle.card.evidence or ()}
    if validation.report not in evidence:
        yield Finding(
            place=bundle.at(*_PATH, "report"),
            message="the validation report is no evidence file of the bundle",
            seen=validation.report,
            wanted="a file that the card lists under evidence",
        )
        return
    words = plain(bundle.files[validation.report].decode("utf-8", "replace"))
    if len(words.replace(" ", "")) < _SHORTEST:
        yield Finding(
            place=bundle.file_place(validation.report),
            message="the validation report says next to nothing",
            seen=words[:80],
            wanted="what was looked at, how, and what was found",
        )
    high = strictest_tier(bundle.card) is Tier.HIGH
    signed = [a for a in counted(bundle, run) if not high or a.approver.duty == "independent validation"]
    if not signed:
        yield Finding(
            place=bundle.file_place(validation.report),
            message="nobody has signed the validation report",
            seen=bundle.digest(validation.report),
            wanted="an approval that binds it" + (", by independent validation" if high else ""),
            mend=f"countersign approve {bundle.name} --as NAME --key KEY.pem",
        )


def _date(bundle: BundleTarget, run: Run, validation: Validation) -> Iterator[Finding]:
    evaluated = bundle.card.evaluation.date if bundle.card.evaluation is not None else run.as_of
    if validation.date is None or not evaluated <= validation.date <= run.as_of:
        yield Finding(
            place=bundle.at(*_PATH, "date"),
            message="the validation report has no date"
            if validation.date is None
            else "the validation report is dated before the evaluation or in the future",
            seen=None if validation.date is None else validation.date.isoformat(),
            wanted=f"a day from {evaluated} to {run.as_of}",
        )


def _author(bundle: BundleTarget, validation: Validation) -> Iterator[Finding]:
    if says_nothing(validation.validator):
        yield Finding(
            place=bundle.at(*_PATH, "validator"),
            message="nobody is named as the validator",
            seen=validation.validator,
            wanted="who wrote the report",
        )
    holders = {plain(owner.holder) for owner in bundle.card.owners or ()}
    if validation.independent and plain(validation.validator or "") in holders:
        yield Finding(
            place=bundle.at(*_PATH, "independent"),
            message="the validator owns the model, and is called independent",
            seen=f"{validation.validator}, independent: true",
            wanted="a validator who is no owner, or independent: false",
        )
    if strictest_tier(bundle.card) is Tier.HIGH and validation.independent is not True:
        yield Finding(
            place=bundle.at(*_PATH, "independent"),
            message="the validation is not independent, which tier high asks for",
            seen=None if validation.independent is None else "false",
            wanted="a report by someone who did not build the model, and independent: true",
        )
