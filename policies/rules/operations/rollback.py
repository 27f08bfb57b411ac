# SPDX-License-Identifier: Apache-2.0
"""OPS-002: there is a version to go back to, or the first release says what is done instead.

## What it checks
`rollback.target` is an earlier version that lies beside the bundle in the inventory, with a procedure and a drill in
the year before the run; or it is `none`, and then no earlier version lies there, the card names no previous version,
and `rollback.fallback` says what is done instead of answering. Whether the target's own verdict still holds is asked
when it is deployed, by the same gate.

## Why
A rollback that was never tried, or that goes to a version nobody kept, is found out during the incident.

## Reference
NIST AI RMF MANAGE 2.4: systems can be superseded, disengaged or deactivated. ISO/IEC 42001 A.6.2.5: deployment.

## Fails
The target is not in the inventory, or a first release does not say what is done instead.
```yaml
rollback: {target: 0.9.0}
```
```yaml
rollback: {fallback: null}
```
```yaml
rollback: null
```

## Passes
The reference card as it is: a first release that stops answering.
```yaml
{}
```
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from contracts.model_card_governance import Rollback
from policies.rules.answers import Question, finding, unanswered, undated
from policies.rules.card.semantic_version import precedence
from policies.rules.judgement import Finding, Judgement, failed, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-002",
    title="there is a version to go back to, or the first release says what is done instead",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("nist-ai-rmf", "MANAGE 2.4"),
        Control("iso-42001", "A.6.2.5"),
    ),
    remediation="Name an earlier version that is kept, try the way back, and note when:\n\n"
    "+ rollback:\n+   target: 1.3.0\n+   procedure: …\n+   drill: …",
)
NONE: Final = "none"
DRILL_AGE: Final = dt.timedelta(days=365)
_TARGET: Final = ("rollback", "target")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The inventory is looked at; the drill is the card's word."""
    rollback = bundle.card.rollback
    if rollback is None:
        return failed(finding(bundle, ("rollback",), "rollback is missing", "what to go back to, and how"))
    procedure = Question(("rollback", "procedure"), rollback.procedure, "how to go back")
    if rollback.target == NONE:
        fallback = Question(("rollback", "fallback"), rollback.fallback, "what is done instead of answering")
        findings = [*_nothing_before(bundle), *unanswered(bundle, [fallback, procedure])]
        return judged(findings, verified(f"nothing earlier lies in the inventory; instead: {rollback.fallback}"))
    findings = [
        *_earlier(bundle, rollback),
        *unanswered(bundle, [procedure]),
        *undated(bundle, ("rollback", "drill"), rollback.drill, run.as_of, run.as_of - DRILL_AGE),
    ]
    return judged(findings, verified(f"{rollback.target} lies in the inventory; drill of {rollback.drill}"))


def _nothing_before(bundle: BundleTarget) -> Iterator[Finding]:
    earlier = _before(bundle)
    if bundle.card.previous_version is not None or earlier:
        wanted = bundle.card.previous_version or earlier[-1]
        yield finding(bundle, _TARGET, "there is an earlier version, but rollback.target is none", wanted, NONE)


def _earlier(bundle: BundleTarget, rollback: Rollback) -> Iterator[Finding]:
    earlier = _before(bundle)
    if rollback.target not in earlier:
        message = "rollback.target is no earlier version in the inventory"
        yield finding(bundle, _TARGET, message, " or ".join(earlier) or NONE, rollback.target)


def _before(bundle: BundleTarget) -> list[str]:
    """Earlier versions beside the bundle, oldest first."""
    own = precedence(bundle.card.version)
    ordered = [(order, version) for version in bundle.siblings if (order := precedence(version)) is not None]
    return [version for order, version in sorted(ordered) if own is None or order < own]
