# SPDX-License-Identifier: Apache-2.0
"""OPS-003: the card says how the model is taken out of use.

## What it checks
`decommission` says something, and something else than the procedure of the rollback or what is done meanwhile.

## Why
Logs, documents and keys outlive a model by years. Who has to keep what is easy to write down before, and hard to find
out after.

## Reference
NIST AI RMF GOVERN 1.7: systems are decommissioned safely. AI Act Article 18(1): documents are kept for ten years.

## Fails
The plan is missing, a placeholder, or that of the rollback again.
```yaml
decommission: null
```
```yaml
decommission: TBD
```
```yaml
decommission: Stop answering and call no one.
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from policies.rules.answers import Question, unanswered
from policies.rules.judgement import Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-003",
    title="the card says how the model is taken out of use",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(
        Control("nist-ai-rmf", "GOVERN 1.7"),
        Control("eu-ai-act", "Article 18(1)"),
    ),
    remediation="Say what is removed, what is kept and for how long:\n\n+ decommission: …",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The rollback's texts are read first, so that a repetition is found here."""
    rollback = bundle.card.rollback
    known = () if rollback is None else (("procedure", rollback.procedure), ("fallback", rollback.fallback))
    questions = [Question(("rollback", key), text, "") for key, text in known if not says_nothing(text)]
    questions.append(Question(("decommission",), bundle.card.decommission, "what is removed, what is kept, how long"))
    findings = [found for found in unanswered(bundle, questions) if found.message.startswith("decommission")]
    return judged(findings, self_reported(f"{bundle.card.decommission}"))
