# SPDX-License-Identifier: Apache-2.0
"""MON-004: the technical file is kept for at least ten years.

## What it checks
`retention.technical_file_years` is at least 10. What the archive itself enforces is asked of the infrastructure.

## Why
The questions come years after the answers, from people who were not there.

## Reference
AI Act Article 18(1): documentation is kept for ten years after the system was placed on the market. It binds high-risk
systems; for others it is the policy of this gate.

## Fails
The period is missing or too short.
```yaml
retention: {technical_file_years: null}
```
```yaml
retention: {technical_file_years: 9}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from typing import Final

from policies.rules.answers import finding
from policies.rules.judgement import Judgement, failed, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="MON-004",
    title="the technical file is kept for at least ten years",
    severity=Severity.HIGH,
    over="bundle",
    controls=(Control("eu-ai-act", "Article 18(1)"),),
    remediation="Keep the file, and say for how long:\n\n+ retention:\n+   technical_file_years: 10",
)
LEAST_YEARS: Final = 10
_PATH: Final = ("retention", "technical_file_years")
_WANTED: Final = f"{LEAST_YEARS} or more"


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The period is the card's word."""
    years = None if bundle.card.retention is None else bundle.card.retention.technical_file_years
    if years is None:
        return failed(finding(bundle, _PATH, "retention.technical_file_years is missing", _WANTED))
    if years < LEAST_YEARS:
        return failed(finding(bundle, _PATH, "the technical file is not kept long enough", _WANTED, years))
    return self_reported(f"{years} years")
