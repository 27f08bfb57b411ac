# SPDX-License-Identifier: Apache-2.0
"""TIER-007: the law was read recently, by the gate and by whoever classed the model.

## What it checks
No source of the law pack was last read more than 90 days before the run, or after it. `eu_ai_act.law_as_of` is there,
not after the run, and not more than 365 days before it.

## Why
Dates of duties move: those of Annex III moved by sixteen months within days of their first date. A gate that goes by
old law is wrong without noticing.

## Reference
NIST AI RMF GOVERN 1.1: legal requirements are understood and managed.

## Fails
The pack is too old for the day of the run, or the card does not say, or not rightly, as of when it was classed.
```yaml
# as of: 2027-03-01
{}
```
```yaml
eu_ai_act: {law_as_of: null}
```
```yaml
eu_ai_act: {law_as_of: 2026-12-24}
```
```yaml
eu_ai_act: {law_as_of: 2024-07-12}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from policies.place import Place
from policies.rules.answers import undated
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-007",
    title="the law was read recently, by the gate and by whoever classed the model",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(Control("nist-ai-rmf", "GOVERN 1.1"),),
    remediation="Read the source again and correct policies/law, or update Countersign; class the model again:\n\n"
    "+ eu_ai_act:\n+   law_as_of: …",
)
PACK_AGE: Final = dt.timedelta(days=90)
CARD_AGE: Final = dt.timedelta(days=365)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The dates say when somebody read the law, not that it was understood."""
    facts = bundle.card.eu_ai_act
    classed = None if facts is None else facts.law_as_of
    findings = [
        *_pack(run),
        *undated(bundle, ("eu_ai_act", "law_as_of"), classed, run.as_of, run.as_of - CARD_AGE),
    ]
    return judged(findings, verified(f"law pack as of {run.law.as_of}, card classed by the law as of {classed}"))


def _pack(run: Run) -> Iterator[Finding]:
    oldest = run.as_of - PACK_AGE
    for source in run.law.sources:
        if not oldest <= source.as_of <= run.as_of:
            yield Finding(
                place=Place(f"policies/law/{source.key}.toml"),
                message=f"{source.version} was last read too long ago, or in the future",
                seen=str(source.as_of),
                wanted=f"a date from {oldest} to {run.as_of}",
            )
