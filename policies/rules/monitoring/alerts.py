# SPDX-License-Identifier: Apache-2.0
"""MON-006: every monitor that the card declares has an alert in the rendering that can fire.

## What it checks
For each monitor of each bundle, a PrometheusRule of the rendering has an alert with the annotation
`countersign_monitor`, which is the monitor's `metric` word for word. The alert's expression asks for a metric and
compares it with something, so that it can be true and can be false. Whether the metric exists, and the threshold is the
one of the card, is left to the tests of the alerts and to people.

## Why
A monitoring plan on paper watches nothing. The link is a name, so that a monitor which is renamed or dropped shows.

## Reference
AI Act Article 72: post-market monitoring that is carried out.

## Fails
An alert that is always true watches nothing:
```yaml
bundle:
  monitoring:
    monitors: [{metric: share of churn answers, threshold: 10 points, owner: model owner, cadence: daily}]
manifests: |
  apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: model}
  spec:
    groups:
      - name: model
        rules:
          - alert: Drift
            expr: vector(1) > 0
            annotations: {countersign_monitor: share of churn answers}
```

## Passes
```yaml
bundle:
  monitoring:
    monitors: [{metric: share of churn answers, threshold: 10 points, owner: model owner, cadence: daily}]
manifests: |
  apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: model}
  spec:
    groups:
      - name: model
        rules:
          - alert: Drift
            expr: abs(countersign_churn_share - 0.27) > 0.1
            annotations: {countersign_monitor: share of churn answers}
```
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from contracts.deployment import MONITOR_ANNOTATION
from policies.place import Place
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget
from policies.targets.manifests import Manifests

RULE = Rule(
    id="MON-006",
    title="every monitor that the card declares has an alert in the rendering that can fire",
    severity=Severity.MEDIUM,
    over="manifests",
    needs=("bundle",),
    controls=(Control("eu-ai-act", "Article 72"), Control("nist-ai-rmf", "MANAGE 4.1")),
    remediation=(
        "Add an alert to a PrometheusRule with the annotation countersign_monitor: <the monitor's metric>, "
        "or take the monitor off the card."
    ),
)
_QUOTED: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_COMPARED: Final = re.compile(r"==|!=|<=|>=|<|>")
_WORDS: Final = frozenset(
    {
        "abs", "absent", "absent_over_time", "and", "avg", "avg_over_time", "bool", "by", "ceil", "changes",
        "clamp_max", "clamp_min", "count", "count_over_time", "delta", "deriv", "e", "exp", "floor", "group_left",
        "group_right", "histogram_quantile", "ignoring", "increase", "inf", "irate", "label_replace", "ln", "max",
        "max_over_time", "min", "min_over_time", "nan", "offset", "on", "or", "quantile", "rate", "round", "scalar",
        "sqrt", "sum", "sum_over_time", "time", "topk", "unless", "vector", "without", "d", "h", "m", "ms", "s",
        "w", "y",
    }
)  # fmt: skip


class _Alert(NamedTuple):
    monitor: str
    expression: str
    place: Place


def check(manifests: Manifests, run: Run) -> Judgement:
    """Look for the alert of each monitor, by its name."""
    alerts = tuple(_alerts(manifests))
    found = [finding for bundle in run.bundles for finding in _unwatched(bundle, alerts)]
    total = sum(len(_monitors(bundle)) for bundle in run.bundles)
    return judged(found, verified(f"{total} monitors have an alert"))


def _monitors(bundle: BundleTarget) -> tuple[str, ...]:
    monitoring = bundle.card.monitoring
    return tuple(item.metric for item in (monitoring.monitors or ())) if monitoring is not None else ()


def _unwatched(bundle: BundleTarget, alerts: tuple[_Alert, ...]) -> Iterator[Finding]:
    monitors = _monitors(bundle)
    if not monitors:
        yield Finding(
            place=bundle.at("monitoring", "monitors"), message="the card declares no monitor", wanted="at least one"
        )
    for index, metric in enumerate(monitors):
        mine = [alert for alert in alerts if alert.monitor == metric]
        if not mine:
            yield Finding(
                place=bundle.at("monitoring", "monitors", index),
                message=f"no alert watches {metric!r}",
                wanted=f"an alert with the annotation {MONITOR_ANNOTATION}: {metric}",
            )
        for alert in mine:
            if not _can_fire(alert.expression):
                yield Finding(
                    place=alert.place,
                    message=f"the alert on {metric!r} asks for no metric, or compares it with nothing",
                    seen=alert.expression,
                    wanted="a metric compared with its bound",
                )


def _alerts(manifests: Manifests) -> Iterator[_Alert]:
    for item in manifests.of("PrometheusRule"):
        for number, group in enumerate(item.items("spec", "groups")):
            rules = group.get("rules") if isinstance(group, dict) else None
            for index, rule in enumerate(rules if isinstance(rules, list) else []):
                notes: Any = rule.get("annotations") if isinstance(rule, dict) and rule.get("alert") else None
                if isinstance(notes, dict) and MONITOR_ANNOTATION in notes:
                    place = item.at("spec", "groups", number, "rules", index, "expr")
                    yield _Alert(str(notes[MONITOR_ANNOTATION]), str(rule.get("expr") or ""), place)


def _can_fire(expression: str) -> bool:
    """Whether a metric is asked for, and compared outside of its labels."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)", " ", _QUOTED.sub("", expression))
    metrics = [word for word in _METRIC.findall(bare) if word.lower() not in _WORDS]
    sides = _COMPARED.split(bare)
    return bool(metrics) and (len(sides) > 1 and "".join(sides[0].split()) != "".join(sides[1].split()))
