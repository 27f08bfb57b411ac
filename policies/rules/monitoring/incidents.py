# SPDX-License-Identifier: Apache-2.0
"""MON-005: the card says whom to tell of an incident, and what happens then.

## What it checks
`monitoring.incident_contact` and `incident_process` each say something, and not the same. For a high-risk system the
process names the authority that a serious incident is reported to.

## Why
In an incident nobody looks for the right desk. What is not written down is not done in time.

## Reference
AI Act Article 73: serious incidents of high-risk systems are reported to the authority. NIST AI RMF MANAGE 4.3, ISO/IEC
42001 A.8.4: incidents are communicated.

## Fails
The contact or the process is missing or a placeholder, or a high-risk system's process knows no authority.
```yaml
monitoring: {incident_contact: null}
```
```yaml
monitoring: {incident_process: to be defined}
```
```yaml
eu_ai_act_classification: High Risk
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

import re
from typing import Final

from contracts.model_card_governance import Monitoring
from policies.classification import RiskClass, class_of
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="MON-005",
    title="the card says whom to tell of an incident, and what happens then",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 73"),
        Control("nist-ai-rmf", "MANAGE 4.3"),
        Control("iso-42001", "A.8.4"),
    ),
    remediation="Say whom to tell, and what they do:\n\n"
    "+ monitoring:\n+   incident_contact: …\n+   incident_process: stop or roll back, keep the evidence, tell …",
)
_AUTHORITY: Final = re.compile(r"\b(?:authorit(?:y|ies)|regulators?|supervisors?)\b")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Whether the contact answers is not tried."""
    said = bundle.card.monitoring or Monitoring()
    process = ("monitoring", "incident_process")
    questions = [
        Question(("monitoring", "incident_contact"), said.incident_contact, "whom to tell, and where"),
        Question(process, said.incident_process, "what is done, in which order"),
    ]
    findings = [*unanswered(bundle, questions)]
    high = class_of(bundle.card.eu_ai_act_classification) is RiskClass.HIGH
    known = not says_nothing(said.incident_process)
    if high and known and not _AUTHORITY.search(plain(said.incident_process or "")):
        message = "the process of a high-risk system names no authority to report to"
        findings.append(
            finding(bundle, process, message, "the authority, and within how many days", said.incident_process)
        )
    return judged(findings, self_reported(f"{said.incident_contact}; {said.incident_process}"))
