# SPDX-License-Identifier: Apache-2.0
"""PERF-007: small changes of the inputs change few answers.

## What it checks
The card says how far each number was moved and how many answers may change (`evaluation.robustness`): a step of at
least 0.05 standard deviations of the training rows, and a maximum of at most 0.35, at tier high 0.10. The gate moves
every number itself: the shares on the card are the computed ones, and none is above the maximum. Beyond the card, noise
of 0.05 standard deviations on all numbers at once changes at most 5 answers in 100, texts in capitals and with wider
spaces at most 10, and every row gets finite probabilities even where a number is at the bound of its range, as after a
value was lost. What happens when a field is missing stands on the card.

## Why
Inputs are measured, rounded, typed in and sometimes lost. A model whose answers hang on the third decimal of a number
decides by chance.

## Reference
AI Act Article 15(4) has high-risk systems resilient against errors and inconsistencies. NIST AI RMF MEASURE 2.6 asks
for behaviour beyond the limits of knowledge. Changes are defined in docs/figures.md; steps, shares and limits are
Countersign's own policy.

## Fails
Nothing was tried:
```yaml
evaluation: {robustness: null}
```
Steps too small to change anything:
```yaml
evaluation: {robustness: {step: 0.0001}}
```
A maximum that allows everything:
```yaml
evaluation: {robustness: {maximum: 1.0}}
```
A share that is not the computed one:
```yaml
evaluation: {robustness: {changed_answers: {total_charges: {value: 0.0001}}}}
```
What happens without a field is left open:
```yaml
evaluation: {robustness: {missing_field: TBD}}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_assurance import Robustness as Declared
from contracts.model_card_evidence import Metric
from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Recomputation, Robustness, Shift, without_figures
from policies.rules.judgement import Finding, Judgement, failed, judged, verified
from policies.rules.performance.tolerance import tolerance
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import says_nothing
from policies.run import Run

RULE = Rule(
    id="PERF-007",
    title="small changes of the inputs change few answers",
    severity=Severity.MEDIUM,
    over="recomputation",
    controls=(Control("eu-ai-act", "Article 15(4)"), Control("nist-ai-rmf", "MEASURE 2.6")),
    remediation="Say in the recipe how far numbers are moved and how many answers may change, and train again:\n"
    "+ robustness:\n+   step: 0.1\n+   maximum: 0.05\n+   missing_field: the request is refused",
)

LEAST_STEP: Final = 0.05
MOST_CHANGED: Final = {Tier.LOW: 0.35, Tier.MEDIUM: 0.35, Tier.HIGH: 0.1}
MOST_BY_NOISE: Final = 0.05
MOST_BY_SPELLING: Final = 0.1
_PATH: Final = ("evaluation", "robustness")


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge what the card says of small changes, and what the gate found itself."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    found = measured.robustness
    declared = target.card.evaluation.robustness if target.card.evaluation else None
    if found is None:
        return failed(_finding(target, (), "the answers to changed inputs cannot be computed from predictions alone"))
    if declared is None:
        return failed(_finding(target, (), "the card does not say how answers change with their inputs"))
    findings = [*_said(target, declared), *_moved(target, declared, found), *_own(target, found)]
    noise = "no number to disturb" if found.noise is None else f"{found.noise.share:.2%} of answers change by noise"
    most = max((shift.share for shift in found.moved), default=0.0)
    return judged(findings, verified(f"{noise}, at most {most:.2%} by moving one number"))


def _said(target: Recomputation, declared: Declared) -> Iterator[Finding]:
    most = MOST_CHANGED[strictest_tier(target.card)]
    if declared.step < LEAST_STEP:
        yield _finding(target, ("step",), "the step is too small to show anything", f"{declared.step:g}",
                       f"at least {LEAST_STEP:g} standard deviations")  # fmt: skip
    if declared.maximum is None or declared.maximum > most:
        seen = None if declared.maximum is None else f"{declared.maximum:g}"
        yield _finding(target, ("maximum",), "no maximum that means something is set", seen, f"at most {most:g}")
    if says_nothing(declared.missing_field):
        yield _finding(target, ("missing_field",), "what happens without a field is not said", declared.missing_field,
                       "what the service does with a request that lacks a field")  # fmt: skip


def _moved(target: Recomputation, declared: Declared, found: Robustness) -> Iterator[Finding]:
    shares = declared.changed_answers or {}
    computed = {shift.name: shift for shift in found.moved}
    for name in shares.keys() - computed.keys():
        yield _finding(target, ("changed_answers", name), f"{name} is no number that could be moved", name, "none")
    for name, shift in computed.items():
        if name not in shares:
            yield _finding(target, ("changed_answers", name), f"the share for {name} is missing", None, _share(shift))
        elif not _same(target, name, shares[name], shift):
            seen = f"{shares[name].value:.6g}"
            yield _finding(
                target, ("changed_answers", name), f"the share for {name} is not what the gate computes", seen,
                _share(shift),
            )  # fmt: skip
        if declared.maximum is not None and shift.share > declared.maximum:
            yield _finding(target, ("maximum",), f"moving {name} changes more answers than allowed", _share(shift),
                           f"at most {declared.maximum:g}")  # fmt: skip


def _same(target: Recomputation, name: str, share: Metric, shift: Shift) -> bool:
    allowed = tolerance(target.bundle, (*_PATH, "changed_answers", name, "value"))
    return abs(share.value - shift.share) <= allowed and share.n in (None, shift.rows)


def _own(target: Recomputation, found: Robustness) -> Iterator[Finding]:
    for shift, most, what in (
        (found.noise, MOST_BY_NOISE, "noise on all numbers"),
        (found.spelling, MOST_BY_SPELLING, "capitals and wider spaces"),
    ):
        if shift is not None and shift.share > most:
            yield _finding(target, (), f"{what} changes too many answers", _share(shift), f"at most {most:g}")
    everything = (found.noise, found.spelling, found.worst, *found.boundary, *found.moved)
    for shift in everything:
        if shift is not None and not shift.valid:
            yield _finding(target, (), f"some rows get no probabilities under: {shift.name}", "not finite", "finite")


def _share(shift: Shift) -> str:
    return f"{shift.share:.6g}, {shift.flipped} of {shift.rows} answers"


def _finding(
    target: Recomputation,
    path: tuple[str, ...],
    message: str,
    seen: str | None = None,
    wanted: str = "`evaluation.robustness`, and an artifact to try it on",
) -> Finding:
    return Finding(place=target.at(*_PATH, *path), message=message, seen=seen, wanted=wanted)
