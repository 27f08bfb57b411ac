# SPDX-License-Identifier: Apache-2.0
"""PERF-001: every metric on the card is the one that the gate computes.

## What it checks
The gate runs the artifact on the evaluation rows, in a process of its own, and computes every performance figure and
interval again. Each figure that the card declares is compared: value and bounds to half a unit of the last digit
written (at least 1e-6, at most 0.005), rows and method of the interval exactly. A figure that is missing and one that
the gate does not know are failures. So are recorded scores that differ from the artifact's, recorded answers that do
not follow from their scores, a row whose probability depends on the rows beside it, and, at tier high, figures that
could only be computed from recorded predictions.

## Why
A figure that nobody can compute again is a statement about a file that may not be the one released. A model whose
answer to a row depends on its neighbours was evaluated on something that no request will ever see.

## Reference
AI Act Article 15(3) has the levels of accuracy and the metrics declared in the instructions for use; Annex IV(2)(g)
asks for the metrics with the logs and reports of the tests. NIST AI RMF MEASURE 2.3 asks for measured performance.
docs/figures.md has the formula of every figure. The tolerance is Countersign's own policy.

## Fails
The accuracy is raised by 0.02:
```yaml
metrics: {accuracy: {value: 0.8306}}
```
A figure was left out:
```yaml
metrics: {ece: null}
```
A figure that the gate cannot compute:
```yaml
metrics: {f1: {value: 0.9}}
```
An interval drawn with another seed than declared:
```yaml
evaluation: {seed: 43}
```

## Passes
The card as it is, and rounded figures:
```yaml
metrics: {accuracy: {value: 0.811, low: 0.792, high: 0.828}}
```
"""

from collections.abc import Iterator

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import DIFFERENCE, Measured, Recomputation
from policies.rules.judgement import Finding, Judgement, failed, judged, verified
from policies.rules.performance.tolerance import differences
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-001",
    title="every metric on the card is the one that the gate computes",
    severity=Severity.CRITICAL,
    over="recomputation",
    waivable=False,
    controls=(
        Control("eu-ai-act", "Article 15(3)"),
        Control("eu-ai-act", "Annex IV(2)(g)"),
        Control("nist-ai-rmf", "MEASURE 2.3"),
    ),
    remediation="Release the card that training wrote: run `countersign train` again and commit what it gives, or "
    "write the computed figure:\n- value: 0.8306\n+ value: 0.8106",
)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare what is declared with what was measured."""
    measured = target.measured
    if measured is None:
        return failed(*target.problems)
    note = f"{len(measured.figures.metrics)} metrics computed from the {measured.level} on {measured.rows} rows"
    return judged([*_metrics(target, measured), *_predictions(target, measured)], verified(note))


def _metrics(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    declared, found = target.card.metrics or {}, measured.figures.metrics
    for name, metric in found.items():
        if name in declared:
            yield from differences(target.bundle, ("metrics", name), declared[name], metric)
        else:
            yield Finding(
                place=target.at("metrics", name),
                message=f"metrics.{name} is missing",
                wanted=f"{metric.value:.6g}, with its interval and rows",
            )
    for name in declared.keys() - found.keys():
        yield Finding(
            place=target.at("metrics", name),
            message=f"metrics.{name} is not a figure that the gate can compute",
            seen=f"{declared[name].value:g}",
            wanted=f"only {', '.join(found)}",
            mend="remove it; nothing bears it out",
        )


def _predictions(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    if measured.level == "predictions" and strictest_tier(target.card) is Tier.HIGH:
        yield Finding(
            place=target.at("evaluation", "recomputable_from"),
            message="at tier high figures are computed from the model itself",
            seen="predictions",
            wanted="`recomputable_from: model`, and the features of the evaluation rows as evidence",
        )
    if measured.alone is not None and measured.alone > DIFFERENCE:
        yield Finding(
            place=target.at("artifact", "file"),
            message="the artifact answers a row differently when it is asked alone",
            seen=f"a probability changes by {measured.alone:.3g}",
            wanted="each row answered by itself",
        )
    scores = measured.scores
    place = target.bundle.file_place("evidence/scores.csv")
    if scores is not None and scores.differing:
        yield Finding(
            place=place,
            message=f"{len(scores.differing)} recorded scores are not the artifact's, row {scores.differing[0]} first",
            seen=f"a difference of {scores.largest_difference:.3g}",
            wanted=f"at most {DIFFERENCE:g}",
        )
    if scores is not None and scores.wrong_answers:
        yield Finding(
            place=place,
            message=f"{len(scores.wrong_answers)} recorded answers do not follow from their scores",
            seen=f"row {scores.wrong_answers[0]} first",
            wanted="the label that the card's output makes of the probabilities",
        )
