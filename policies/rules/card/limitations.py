# SPDX-License-Identifier: Apache-2.0
"""CARD-005: each limitation stands with the condition under which it shows.

## What it checks
`limitations` has at least one entry. Each says what the model does badly and when; neither is a placeholder, the
condition is not the limitation again, and no limitation stands twice. `always` is a condition.

## Why
"May be inaccurate" helps nobody. A limitation that names its condition can be watched for, tested and written into the
instructions of the people who use the answers.

## Reference
AI Act Article 13(3)(b)(ii) and Annex IV(3): what can affect accuracy and robustness. NIST AI RMF MAP 2.2 and MEASURE
2.5: limits of knowledge and of generality are documented.

## Fails
There is none, or the condition is missing, says nothing or says the same as the limitation.
```yaml
limitations: null
```
```yaml
limitations:
  - limitation: leaving customers are missed
    condition: n/a
```
```yaml
limitations:
  - limitation: leaving customers are missed
    condition: Leaving customers are missed.
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from collections.abc import Iterator

from contracts.model_card_governance import Limitation
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import repeated
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-005",
    title="each limitation stands with the condition under which it shows",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 13(3)(b)(ii)"),
        Control("eu-ai-act", "Annex IV(3)"),
        Control("nist-ai-rmf", "MAP 2.2"),
        Control("nist-ai-rmf", "MEASURE 2.5"),
    ),
    remediation="Say what the model does badly, and when:\n\n+ limitations:\n+   - limitation: …\n+     condition: …",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Conditions may be alike, limitations may not."""
    limitations = bundle.card.limitations or ()
    if not limitations:
        return failed(
            finding(bundle, ("limitations",), "limitations has no entry", "what the model does badly, and when")
        )
    findings = [*_unanswered(bundle, limitations)]
    texts = {str(number): item.limitation for number, item in enumerate(limitations)}
    for number, first in repeated(texts):
        path = ("limitations", int(number), "limitation")
        findings.append(
            finding(bundle, path, f"limitations[{number}] repeats limitations[{first}]", "another one", texts[number])
        )
    return judged(findings, self_reported(f"{len(limitations)} limitations, each with its condition"))


def _unanswered(bundle: BundleTarget, limitations: tuple[Limitation, ...]) -> Iterator[Finding]:
    for number, item in enumerate(limitations):
        path = ("limitations", number)
        yield from unanswered(
            bundle,
            [
                Question((*path, "limitation"), item.limitation, "what the model does badly"),
                Question((*path, "condition"), item.condition, "when it happens, or `always`"),
            ],
        )
