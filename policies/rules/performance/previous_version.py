# SPDX-License-Identifier: Apache-2.0
"""PERF-005: the model is not worse than the version it replaces.

## What it checks
Where the card names a `previous_version`, the gate runs that version's artifact on the same evaluation rows, leaving
out those it was trained on, and compares row by row. Accuracy, and the ranking and calibration figures, may be worse by
0.01 at most, and must not be worse beyond chance: the interval of the paired difference reaches the better side. At
tier high the unfavourable end of that interval may be worse by 0.01 at most. A version that lies beside the bundle and
is older may not be passed over in silence.

## Why
A new version is released because it is better, or because it must be. Two figures from two cards do not show it: each
has its own rows and its own luck. On the same rows the luck cancels out.

## Reference
SR 26-2 has models compared with others as part of ongoing monitoring; NIST AI RMF MANAGE 1.1 asks whether the system
should go ahead. McNemar's test (1947) is reported beside the differences. The margin of 0.01 is Countersign's own.

## Fails
The previous version is not there, so nothing was compared:
```yaml
previous_version: 0.9.0
```
The version names itself:
```yaml
previous_version: 1.0.0
```

## Passes
A first release has nothing to be compared with, so the rule asks nothing of it. A second version that is no worse
passes. Without `previous_version` and without an older version beside it:
```yaml
# not applicable: a first release
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.classification import Tier, strictest_tier
from policies.recomputation.recomputation import Comparison, Recomputation, without_figures
from policies.rules.judgement import Finding, Judgement, failed, judged, not_applicable, verified
from policies.rules.performance.bounds import LOWER_IS_BETTER
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="PERF-005",
    title="the model is not worse than the version it replaces",
    severity=Severity.HIGH,
    over="recomputation",
    controls=(Control("sr-26-2", "ongoing monitoring"), Control("nist-ai-rmf", "MANAGE 1.1")),
    remediation="Keep the previous version in service, or improve this one. Leave its bundle beside this one, and "
    "name it:\n+ previous_version: 1.0.0",
)

MARGIN: Final = 0.01


def check(target: Recomputation, _run: Run) -> Judgement:
    """Judge the paired differences; a comparison that could not be made is a failure."""
    measured = target.measured
    if measured is None:
        return without_figures(target)
    if target.comparison_problem is not None:
        return failed(target.comparison_problem)
    if measured.comparison is None and target.card.previous_version is None:
        return not_applicable("a first release: the card names no previous version, and none lies beside the bundle")
    if measured.comparison is None:
        return failed(
            Finding(
                place=target.at("previous_version"),
                message="this version was not compared with the previous one: figures come from predictions alone",
                seen=target.card.previous_version,
                wanted="`recomputable_from: model`, and the features of the evaluation rows as evidence",
            )
        )
    compared = measured.comparison
    note = (
        f"{compared.version} on {compared.rows} rows: {compared.better} answers better, {compared.worse} worse, "
        f"McNemar p = {compared.p_value:.3g}"
    )
    return judged(_worse(target, compared), verified(note))


def _worse(target: Recomputation, compared: Comparison) -> Iterator[Finding]:
    high = strictest_tier(target.card) is Tier.HIGH
    for metric, difference in compared.differences.items():
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        ends = sorted((sign * (difference.low or 0.0), sign * (difference.high or 0.0)))
        gain = sign * difference.value
        if gain < -MARGIN or ends[1] < 0 or (high and ends[0] < -MARGIN):
            yield Finding(
                place=target.at("metrics", metric),
                message=f"{metric} is worse than that of version {compared.version} on the same rows",
                seen=f"{difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})",
                wanted=f"no worse by more than {MARGIN:g}, and not beyond chance",
            )
