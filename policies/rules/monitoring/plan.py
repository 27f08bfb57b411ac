# SPDX-License-Identifier: Apache-2.0
"""MON-001: the plan says what is watched, against which threshold, by whom and how often.

## What it checks
`monitoring.monitors` has at least one entry on the inputs or answers and one on outcomes. Each has a metric, a
threshold that can be passed (a number, or the thresholds of the card), an owner and a cadence that names a period. No
metric is watched twice.

## Why
A model that was right on the day of its approval is watched so that somebody notices the day it is not.

## Reference
AI Act Article 72(3) and Annex IV(9): a plan for monitoring after release. NIST AI RMF MEASURE 2.4 and MANAGE 4.1,
ISO/IEC 42001 A.6.2.6: behaviour in operation is monitored.

## Fails
There is no plan, or one of the four is missing, a placeholder, or cannot be acted on.
```yaml
monitoring: {monitors: []}
```
```yaml
monitoring:
  monitors:
    - {metric: drift of each feature, threshold: as needed, owner: the model owner, cadence: weekly}
```
```yaml
monitoring:
  monitors:
    - {metric: drift of each feature, threshold: index above 0.2, owner: the model owner, cadence: regularly}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import Monitor
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, repeated, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="MON-001",
    title="the plan says what is watched, against which threshold, by whom and how often",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 72(3)"),
        Control("eu-ai-act", "Annex IV(9)"),
        Control("nist-ai-rmf", "MEASURE 2.4"),
        Control("nist-ai-rmf", "MANAGE 4.1"),
        Control("iso-42001", "A.6.2.6"),
        Control("sr-26-2", "ongoing monitoring"),
    ),
    remediation="Add a monitor with all four:\n\n"
    "+ monitoring:\n+   monitors:\n+     - metric: precision on known outcomes\n+       threshold: below 0.6\n"
    "+       owner: …\n+       cadence: quarterly",
)
_PATH: Final = ("monitoring", "monitors")
_PERIOD: Final = re.compile(
    r"\b(?:continuous(?:ly)?|hourly|daily|weekly|fortnightly|monthly|quarterly|yearly|annual(?:ly)?|"
    r"(?:every|each|per|once an?|a) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?))\b"
)
_LIMIT: Final = re.compile(r"\d|\bthresholds?\b")
_OUTCOME: Final = re.compile(
    r"\b(?:accuracy|precision|recall|outcomes?|errors?|roc auc|auc|f1|calibration|brier|ece|true positives?|"
    r"false positives?|false negatives?|complaints|overrides)\b"
)
_INPUT: Final = re.compile(r"\b(?:drift|shares?|distributions?|inputs?|features?|answers|scores?|missing|rejects?)\b")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Whether the thresholds are wise is for people to judge; whether alerts exist for them is another rule's."""
    monitors = (bundle.card.monitoring and bundle.card.monitoring.monitors) or ()
    if not monitors:
        return failed(finding(bundle, _PATH, "monitoring.monitors has no entry", "what is watched in service"))
    findings = [found for number, monitor in enumerate(monitors) for found in _monitor(bundle, number, monitor)]
    for number, first in repeated({str(number): monitor.metric for number, monitor in enumerate(monitors)}):
        path = (*_PATH, int(number), "metric")
        seen = monitors[int(number)].metric
        findings.append(finding(bundle, path, f"the metric is watched by monitor {first} already", "another one", seen))
    for pattern, about in ((_INPUT, "inputs or answers"), (_OUTCOME, "outcomes")):
        if not any(pattern.search(plain(monitor.metric)) for monitor in monitors):
            wanted = f"a metric of {about}"
            findings.append(finding(bundle, _PATH, f"no monitor watches {about}", wanted))
    return judged(findings, self_reported(f"{len(monitors)} monitors, each with threshold, owner and cadence"))


def _monitor(bundle: BundleTarget, number: int, monitor: Monitor) -> Iterator[Finding]:
    path = (*_PATH, number)
    questions = [
        Question((*path, "metric"), monitor.metric, "what is watched"),
        Question((*path, "threshold"), monitor.threshold, "when to act"),
        Question((*path, "owner"), monitor.owner, "who acts"),
        Question((*path, "cadence"), monitor.cadence, "how often it is looked at"),
    ]
    yield from unanswered(bundle, questions)
    if not says_nothing(monitor.threshold) and not _LIMIT.search(plain(monitor.threshold or "")):
        wanted = "a number, or the thresholds of the card"
        yield finding(bundle, (*path, "threshold"), "the threshold cannot be passed", wanted, monitor.threshold)
    if not says_nothing(monitor.cadence) and not _PERIOD.search(plain(monitor.cadence or "")):
        wanted = "a period, such as weekly or every 10 minutes"
        yield finding(bundle, (*path, "cadence"), "the cadence names no period", wanted, monitor.cadence)
