# SPDX-License-Identifier: Apache-2.0
"""PERF-003: the figures keep their bounds at the end of the interval that speaks against the model.

## What it checks
At every tier the unfavourable end of each interval is better than an answer without any model. At tier high it also
keeps every threshold of the card, so that a lucky sample does not pass. Intervals are the gate's own.

## Why
A value of 0.86 from 50 rows may stand for 0.73. What can be relied on is the bound, not the value.

## Reference
AI Act Article 9(8) speaks of probabilistic thresholds. Wilson's interval and the bootstrap are defined in
docs/figures.md. That the bound decides at tier high is Countersign's own policy.

## Fails
At tier high the lower end of recall, 0.4998, stays below this threshold although the value keeps it:
```yaml
governance_tier: High Risk
thresholds: [{metric: recall, minimum: 0.53}]
```
The interval is so wide, at a confidence of one in a billion, that calling no one may be as good:
```yaml
evaluation: {confidence: 0.9999999999999}
```

## Passes
The card as it is, and at tier high:
```yaml
governance_tier: High Risk
```
"""

from collections.abc import Iterator

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.performance.bounds import better, required, without_model, worst
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-003",
    title="the figures keep their bounds at the unfavourable end of the interval",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("eu-ai-act", "Article 9(8)"), Control("nist-ai-rmf", "MEASURE 2.5")),
    remediation="Evaluate on more rows so that the interval narrows, improve the model, or lower the tier if the facts "
    "allow it.",
)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare the unfavourable end of each interval with thresholds and with what needs no model."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    high = strictest_tier(target.card) is Tier.HIGH
    findings = [*_no_better(target, measured), *(_below(target, measured) if high else ())]
    against = "thresholds" if high else "an answer without a model"
    return judged(findings, verified(f"unfavourable ends of the intervals judged against {against}"))


def _no_better(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    for metric, trivial in without_model(target, measured).items():
        figure = measured.figures.metrics.get(metric)
        if figure is None:
            yield Finding(
                place=target.at("metrics", metric),
                message=f"{metric} has no rows to be computed from",
                wanted="evaluation rows that the model gives the positive answer",
            )
        elif not better(metric, end := worst(metric, figure), trivial):
            yield Finding(
                place=target.at("metrics", metric),
                message=f"{metric} may be no better than without a model",
                seen=f"{figure.value:.4f}, at the end of the interval {end:.4f}",
                wanted=f"an end better than {trivial:.4f}",
            )


def _below(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    for item in required(target):
        metric = item.threshold.metric
        figure = measured.figures.metrics.get(metric)
        if figure is not None and not item.kept_by(end := worst(metric, figure)):
            yield Finding(
                place=target.at("thresholds", item.place),
                message=f"{metric} keeps its threshold only with luck, too little at tier high",
                seen=f"{figure.value:.4f}, at the end of the interval {end:.4f}",
                wanted=f"the end {'at most' if item.threshold.maximum is not None else 'at least'} {item.bound:g}",
            )
