# SPDX-License-Identifier: Apache-2.0
"""MON-004: the technical file is kept for at least ten years, and logs for six months.

## What it checks
`retention.technical_file_years` is at least 10, and `retention.log_days` at least 183. What the archive and the cloud
themselves enforce is asked of the infrastructure, where that is named.

## Why
The questions come years after the answers, from people who were not there.

## Reference
AI Act Article 18(1): documentation is kept for ten years after the system was placed on the market. Articles 19 and
26(6): logs are kept for at least six months. They bind high-risk systems; for others it is the policy of this gate.

## Fails
A period is missing or too short.
```yaml
retention: {technical_file_years: null}
```
```yaml
retention: {technical_file_years: 9}
```
```yaml
retention: {log_days: 182}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.rules.answers import finding
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="MON-004",
    title="the technical file is kept for at least ten years, and logs for six months",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 18(1)"),
        Control("eu-ai-act", "Article 19"),
        Control("eu-ai-act", "Article 26(6)"),
    ),
    remediation="Keep both, and say for how long:\n\n+ retention:\n+   technical_file_years: 10\n+   log_days: 184",
)
LEAST_YEARS: Final = 10
LEAST_DAYS: Final = 183


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The periods are the card's word."""
    retention = bundle.card.retention
    years, days = (None, None) if retention is None else (retention.technical_file_years, retention.log_days)
    findings = [
        *_short(bundle, "technical_file_years", years, LEAST_YEARS, "the technical file is not kept long enough"),
        *_short(bundle, "log_days", days, LEAST_DAYS, "logs are not kept long enough"),
    ]
    return judged(findings, self_reported(f"{years} years, logs {days} days"))


def _short(bundle: BundleTarget, key: str, period: int | None, least: int, message: str) -> Iterator[Finding]:
    if period is None:
        yield finding(bundle, ("retention", key), f"retention.{key} is missing", f"{least} or more")
    elif period < least:
        yield finding(bundle, ("retention", key), message, f"{least} or more", period)
