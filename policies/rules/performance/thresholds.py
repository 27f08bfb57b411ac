# SPDX-License-Identifier: Apache-2.0
"""PERF-002: the model keeps the thresholds that were set for it, and the thresholds ask for something.

## What it checks
The card has thresholds for what its tier asks: at tier low for one figure at least, above it for accuracy, precision,
recall and ROC AUC (for more than two labels accuracy, macro precision, macro recall and macro ROC AUC). Each names a
figure that the gate computes and bounds the side on which it can be bad, more strictly than an answer without any
model would be: always the most frequent label, a draw in the proportions of the answers, the base rate as probability.
A reason that is given says something. The computed value keeps every bound.

## Why
A threshold that anything passes is no threshold. Accuracy of 0.73 says nothing where 73 rows in 100 have one label.

## Reference
AI Act Article 9(8) has high-risk systems tested against metrics and probabilistic thresholds defined beforehand;
Article 15(1) asks for an appropriate level of accuracy. NIST AI RMF MEASURE 2.5 has validity demonstrated. Which
figures a tier needs is Countersign's own policy.

## Fails
There are none:
```yaml
thresholds: null
```
The figure stays below:
```yaml
thresholds:
  - {metric: accuracy, minimum: 0.85}
  - {metric: precision, minimum: 0.6}
  - {metric: recall, minimum: 0.45}
  - {metric: roc_auc, minimum: 0.8}
```
Calling no one would keep this:
```yaml
thresholds:
  - {metric: accuracy, minimum: 0.7}
  - {metric: precision, minimum: 0.6}
  - {metric: recall, minimum: 0.45}
  - {metric: roc_auc, minimum: 0.8}
```
This one cannot fail, because it bounds the wrong side:
```yaml
thresholds:
  - {metric: accuracy, maximum: 1.0}
  - {metric: precision, minimum: 0.6}
  - {metric: recall, minimum: 0.45}
  - {metric: roc_auc, minimum: 0.8}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Measured, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.performance.bounds import BINARY, LOWER_IS_BETTER, MULTICLASS, required, vacuous
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import says_nothing
from policies.run import Run

RULE = Rule(
    id="PERF-002",
    title="the model keeps thresholds that ask for something",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(
        Control("eu-ai-act", "Article 9(8)"),
        Control("eu-ai-act", "Article 15(1)"),
        Control("nist-ai-rmf", "MEASURE 2.5"),
    ),
    remediation="Improve the model, or set a threshold that the use can live with and say why:\n"
    "+ thresholds:\n+   - metric: accuracy\n+     minimum: 0.75\n+     reason: calling no one would reach 0.735",
)


def check(target: Recomputation, _run: Run) -> Judgement:
    """Compare each threshold with the computed figure, and with what needs no model."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    findings = [*_missing(target), *vacuous(target, measured), *_unreasoned(target), *_broken(target, measured)]
    return judged(findings, verified(f"{len(required(target))} thresholds kept by computed figures"))


def _missing(target: Recomputation) -> Iterator[Finding]:
    have = {item.threshold.metric for item in required(target)}
    names = BINARY if target.card.output.positive is not None else MULTICLASS
    asked = [name for name in names if name not in LOWER_IS_BETTER]
    if strictest_tier(target.card) is Tier.LOW:
        asked = [] if have & set(names) else asked[:1]
    for name in asked:
        if name not in have:
            yield Finding(
                place=target.at("thresholds"),
                message=f"there is no threshold on {name}",
                wanted=f"`metric: {name}` with a minimum and the reason for it",
            )


def _unreasoned(target: Recomputation) -> Iterator[Finding]:
    for item in required(target):
        reason = item.threshold.reason
        if reason is not None and says_nothing(reason):
            yield Finding(
                place=target.at("thresholds", item.place, "reason"),
                message=f"the reason for the threshold on {item.threshold.metric} says nothing",
                seen=reason,
                wanted="why the use can live with it",
            )


def _broken(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    for item in required(target):
        figure = measured.figures.metrics.get(item.threshold.metric)
        if figure is not None and not item.kept_by(figure.value):
            yield Finding(
                place=target.at("thresholds", item.place),
                message=f"{item.threshold.metric} does not keep its threshold",
                seen=f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})",
                wanted=" and ".join(_words(item.threshold.minimum, item.threshold.maximum)),
            )


def _words(low: float | None, high: float | None) -> Iterator[str]:
    if low is not None:
        yield f"at least {low:g}"
    if high is not None:
        yield f"at most {high:g}"
