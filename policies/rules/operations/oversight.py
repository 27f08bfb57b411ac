# SPDX-License-Identifier: Apache-2.0
"""OPS-001: someone competent can disregard an answer, and can stop the model.

## What it checks
`oversight` has a duty, a competence, a way to override and a way to stop, each in words of its own.

## Why
A person in the loop who does not know the limits, has no button or may not press it is no oversight.

## Reference
AI Act Article 14(4)(d) and (e) and Article 26(2): override, stop, and overseers with competence and authority. NIST
AI RMF MAP 3.5 and ISO/IEC 42001 A.9.2: processes of oversight and of responsible use.

## Fails
There is no way to stop, an answer is a placeholder, or one text stands for all.
```yaml
oversight: {stop: null}
```
```yaml
oversight: {competence: n/a}
```
```yaml
oversight: {duty: the operations desk, competence: The operations desk., override: the operations desk}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from contracts.model_card_governance import Oversight
from policies.rules.answers import Question, unanswered
from policies.rules.judgement import Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-001",
    title="someone competent can disregard an answer, and can stop the model",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 14(4)(d)"),
        Control("eu-ai-act", "Article 14(4)(e)"),
        Control("eu-ai-act", "Article 26(2)"),
        Control("nist-ai-rmf", "MAP 3.5"),
        Control("iso-42001", "A.9.2"),
    ),
    remediation="Say who oversees the model, what they have to know, and how they override and stop it:\n\n"
    "+ oversight:\n+   duty: …\n+   competence: …\n+   override: …\n+   stop: …",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Whether the means work is found out by a drill, not here."""
    said = bundle.card.oversight or Oversight()
    questions = [
        Question(("oversight", "duty"), said.duty, "whose duty it is"),
        Question(("oversight", "competence"), said.competence, "what they have to know"),
        Question(("oversight", "override"), said.override, "how an answer is disregarded"),
        Question(("oversight", "stop"), said.stop, "how the model is stopped"),
    ]
    return judged(unanswered(bundle, questions), self_reported(f"overseen by: {said.duty}; stopped by: {said.stop}"))
