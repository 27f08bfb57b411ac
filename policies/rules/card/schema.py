# SPDX-License-Identifier: Apache-2.0
"""CARD-001: the card is written in the schema that it names.

## What it checks
`schema` stands on the card and is the schema that this version of the gate reads, and every key and value fits it. A
card with an unknown or a duplicate key, a value of the wrong type or broken YAML is not judged at all: the run ends as
one that could not evaluate, with file, line and column.

## Why
A misspelt key is a claim that nobody reads. A card that does not say what it is written in will be read by the rules of
another version, and mean something else there.

## Reference
The AI Act asks for technical documentation that is drawn up before the system is used and kept current (Article 11(1)),
with the contents of Annex IV; ISO/IEC 42001 control A.6.2.7 asks for the same in its own words.

## Fails
The schema is not named, or a key is unknown.
```yaml
schema: null
```
```yaml
governance_tear: Medium Risk
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from contracts.model_card import CARD_SCHEMA
from policies.rules.answers import finding
from policies.rules.judgement import Judgement, failed, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-001",
    title="the card is written in the schema that it names",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(
        Control("eu-ai-act", "Article 11(1)"),
        Control("eu-ai-act", "Annex IV"),
        Control("iso-42001", "A.6.2.7"),
    ),
    remediation=f"Open the card with the schema that it is written in:\n\n+ schema: {CARD_SCHEMA}",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """A card that does not fit its schema never gets here; one that names none does."""
    named = bundle.document.value.get("schema")
    if named != CARD_SCHEMA:
        return failed(finding(bundle, ("schema",), "the card does not name its schema", CARD_SCHEMA, named))
    return verified(f"every key and value fits {CARD_SCHEMA}")
