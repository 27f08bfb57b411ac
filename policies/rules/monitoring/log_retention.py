# SPDX-License-Identifier: Apache-2.0
"""MON-003: the cloud keeps logs for as long as the law and the card say.

## What it checks
No log group, object lock, lifecycle or table lets logs go before 183 days, or before the `retention.log_days` of any
bundle of the run, if that is longer. A log group without a period keeps for ever, which is long enough; a period of a
lock is that of its default retention. A graph without log groups, locks and tables keeps no log that could be seen.

## Why
A retention that is written on the card and set to thirty days in the cloud is the one of the cloud.

## Reference
AI Act Articles 12, 19 and 26(6): logs are kept for at least six months.

## Fails
```yaml
infra:
  - {type: "aws:cloudwatch/logGroup:LogGroup", name: service, inputs: {retentionInDays: 30}}
```
Long enough for the law, and not for the card:
```yaml
bundle: {retention: {log_days: 400}}
infra:
  - {type: "aws:cloudwatch/logGroup:LogGroup", name: service, inputs: {retentionInDays: 365}}
```

## Passes
```yaml
infra:
  - {type: "aws:cloudwatch/logGroup:LogGroup", name: service, inputs: {retentionInDays: 365}}
```
"""

from collections.abc import Iterator
from typing import Any, Final

from policies.place import Place
from policies.rules.infrastructure.graph import LOG_GROUP, TABLE, get, whole, wrong, yes
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.infra import Infra, Resource

RULE = Rule(
    id="MON-003",
    title="the cloud keeps logs for as long as the law and the card say",
    severity=Severity.HIGH,
    over="infra",
    controls=(
        Control("eu-ai-act", "Article 12"),
        Control("eu-ai-act", "Article 19"),
        Control("eu-ai-act", "Article 26(6)"),
        Control("iso-42001", "A.6.2.8"),
    ),
    remediation="Set the period to at least that of the card: + retention_in_days=365",
)
SIX_MONTHS: Final = 183
_LOCKS: Final = tuple(
    f"aws:s3/bucketObjectLockConfiguration{version}:BucketObjectLockConfiguration{version}" for version in ("", "V2")
)
_LIFECYCLES: Final = tuple(
    f"aws:s3/bucketLifecycleConfiguration{version}:BucketLifecycleConfiguration{version}" for version in ("", "V2")
)


def check(infra: Infra, run: Run) -> Judgement:
    """Judge every period that the graph sets."""
    days = max([SIX_MONTHS, *(_declared(bundle.card.retention) for bundle in run.bundles)])
    keeping = infra.of(LOG_GROUP, TABLE, *_LOCKS)
    found = [finding for item in infra.resources for finding in _periods(item, days)]
    if not keeping:
        found.append(
            Finding(place=Place(infra.name), message="the program keeps no log", wanted="a log group, lock or table")
        )
    return judged(found, verified(f"{len(keeping)} stores of logs keep at least {days} days"))


def _declared(retention: Any) -> int:
    return (retention.log_days or 0) if retention is not None else 0


def _periods(item: Resource, days: int) -> Iterator[Finding]:
    wanted = f"at least {days} days"
    if item.type == LOG_GROUP:
        period = item.inputs.get("retentionInDays")
        # Nothing, and 0, mean that the group is kept for ever.
        if period not in (None, 0) and (whole(period) or 0) < days:
            yield wrong(item, "lets logs go too early", wanted, period)
    if item.type == TABLE and yes(get(item.inputs, "ttl", "enabled")):
        yield wrong(item, "lets rows expire by themselves", "ttl off; what is erased is erased by name", "ttl on")
    if item.type in _LOCKS:
        default = get(item.inputs, "rule", "defaultRetention")
        kept = (whole(get(default, "days")) or 0) + 365 * (whole(get(default, "years")) or 0)
        if default is not None and kept < days:
            yield wrong(item, "lets objects go too early", wanted, f"{kept} days")
    if item.type in _LIFECYCLES:
        yield from _expiry(item, days)


def _expiry(item: Resource, days: int) -> Iterator[Finding]:
    for rule in item.inputs.get("rules") or []:
        period = whole(get(rule, "expiration", "days"))
        if period is not None and period < days and get(rule, "status") != "Disabled":
            yield wrong(item, "expires objects too early", f"at least {days} days", f"{period} days")
