# SPDX-License-Identifier: Apache-2.0
"""PERF-004: the figures rest on enough rows.

## What it checks
The evaluation has at least 200 rows and 50 of every label, at tier high 1,000 and 100, and no interval of a figure
whose interval is declared is wider than 0.15, at tier high 0.10. The rows are counted in the evidence, not read from
the card; `evaluation.evaluation_rows` and the rows that the card states for its files are the counted ones.

## Why
Few rows make any figure possible. Whoever reads 0.95 on a card takes it as a property of the model, not of 20 rows.

## Reference
NIST AI RMF MEASURE 2.3 has performance measured in conditions like those of use. The numbers are Countersign's own
policy: with 200 rows Wilson's 95 % interval of a share of one half is 0.14 wide.

## Fails
At tier high a recall from 464 rows is known too roughly at 99.9999 % confidence:
```yaml
governance_tier: High Risk
evaluation: {confidence: 0.999999}
```
The card states more rows than there are:
```yaml
evaluation: {evaluation_rows: 7043}
```
At tier high 500 rows are too few:
```yaml
# card: telecom-churn
governance_tier: High Risk
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.classification import Tier, strictest_tier
from policies.recomputation.evidence_rows import EVALUATION, GROUPS, LABELS, SCORES
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-004",
    title="the figures rest on enough rows",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.3"), Control("eu-ai-act", "Article 10(3)")),
    remediation="Hold out more rows, or collect more, and train again.",
)


_OF_ROWS: Final = frozenset({EVALUATION, GROUPS, LABELS, SCORES})


class _Least(NamedTuple):
    rows: int
    of_a_label: int
    width: float


_LEAST: Final = {Tier.LOW: _Least(200, 50, 0.15), Tier.MEDIUM: _Least(200, 50, 0.15), Tier.HIGH: _Least(1000, 100, 0.1)}


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare counts and widths with what the tier asks for."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    least = _LEAST[strictest_tier(target.card)]
    rarest = min(measured.figures.labels.values())
    findings = [*_few(target, measured, least), *_wide(target, measured, least), *_stated(target, measured)]
    return judged(findings, verified(f"{measured.rows} rows counted, {rarest} of the rarest label"))


def _few(target: Recomputation, measured: Measured, least: _Least) -> Iterator[Finding]:
    if measured.rows < least.rows:
        yield Finding(
            place=target.at("evaluation", "evaluation_rows"),
            message="too few evaluation rows",
            seen=str(measured.rows),
            wanted=f"at least {least.rows}",
        )
    for label, count in measured.figures.labels.items():
        if count < least.of_a_label:
            yield Finding(
                place=target.at("evaluation", "evaluation_rows"),
                message=f"too few evaluation rows with the label {label}",
                seen=str(count),
                wanted=f"at least {least.of_a_label}",
            )


def _wide(target: Recomputation, measured: Measured, least: _Least) -> Iterator[Finding]:
    for name, metric in measured.figures.metrics.items():
        width = (metric.high or 0.0) - (metric.low or 0.0)
        if width > least.width:
            yield Finding(
                place=target.at("metrics", name),
                message=f"the interval of {name} is too wide to say much",
                seen=f"{metric.low:.4f} to {metric.high:.4f}",
                wanted=f"at most {least.width:g} wide",
            )


def _stated(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    evaluation = target.card.evaluation
    stated = None if evaluation is None else evaluation.evaluation_rows
    if stated != measured.rows:
        yield Finding(
            place=target.at("evaluation", "evaluation_rows"),
            message="evaluation.evaluation_rows is not the number of rows in the evidence",
            seen=None if stated is None else str(stated),
            wanted=str(measured.rows),
        )
    for place, item in enumerate(target.card.evidence or ()):
        if item.file in _OF_ROWS and item.rows is not None and item.rows != measured.rows:
            yield Finding(
                place=target.at("evidence", place, "rows"),
                message=f"{item.file} has another number of rows",
                seen=str(item.rows),
                wanted=str(measured.rows),
            )
