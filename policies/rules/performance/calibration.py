# SPDX-License-Identifier: Apache-2.0
"""PERF-006: the scores can be read as probabilities.

## What it checks
The expected calibration error, computed by the gate, is at most what the card's threshold on it says, and 0.10 where it
has none; a threshold above 0.10 is not accepted. At tier high the upper end of the interval counts. The Brier score is
better than that of giving every row the base rate.

## Why
The score is returned with every answer, and people act on it as a probability. A model may rank well and still say 0.9
where seven in ten is true.

## Reference
NIST AI RMF MEASURE 2.5 has the system shown to be valid and reliable. The expected calibration error over bins of equal
width follows Naeini, Cooper and Hauskrecht (2015), the Brier score Brier (1950). The limit is Countersign's own policy.

## Fails
The bound was set below what the model reaches:
```yaml
thresholds: [{metric: ece, maximum: 0.02}]
```
The bound would allow nearly anything:
```yaml
thresholds: [{metric: ece, maximum: 0.5}]
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
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.performance.bounds import CALIBRATION, required, without_model, worst
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-006",
    title="the scores can be read as probabilities",
    severity=Severity.MEDIUM,
    over="recomputation",
    controls=(Control("nist-ai-rmf", "MEASURE 2.5"), Control("eu-ai-act", "Article 15(1)")),
    remediation="Calibrate the model on rows that it was not fitted on, and train again.",
)

LIMIT: Final = 0.1


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge calibration error and Brier score."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    name = next(name for name in CALIBRATION if name in measured.figures.metrics)
    note = f"{name} {measured.figures.metrics[name].value:.4f} on {measured.rows} rows"
    return judged([*_error(target, measured, name), *_brier(target, measured)], verified(note))


def _error(target: Recomputation, measured: Measured, name: str) -> Iterator[Finding]:
    bounds = [item for item in required(target) if item.threshold.metric == name and item.bound is not None]
    for item in bounds:
        if item.bound is not None and item.bound > LIMIT:
            yield Finding(
                place=target.at("thresholds", item.place, "maximum"),
                message=f"the threshold on {name} allows scores that cannot be read as probabilities",
                seen=f"{item.bound:g}",
                wanted=f"at most {LIMIT:g}",
            )
    limit = min([LIMIT, *(item.bound for item in bounds if item.bound is not None)])
    figure = measured.figures.metrics[name]
    value = worst(name, figure) if strictest_tier(target.card) is Tier.HIGH else figure.value
    if value > limit:
        yield Finding(
            place=target.at("metrics", name),
            message="the scores are further from the outcomes than allowed",
            seen=f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})",
            wanted=f"at most {limit:g}",
        )


def _brier(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    trivial = without_model(target, measured)
    for name in ("brier", "brier_multiclass"):
        figure = measured.figures.metrics.get(name)
        if figure is not None and figure.value >= trivial[name]:
            yield Finding(
                place=target.at("metrics", name),
                message="the scores are no better than the base rate for every row",
                seen=f"{figure.value:.4f}",
                wanted=f"less than {trivial[name]:.4f}",
            )
