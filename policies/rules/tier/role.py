# SPDX-License-Identifier: Apache-2.0
"""TIER-005: the card says in which role the provider acts, and holds what that role has to have.

## What it checks
`provider.role` is `provider`, `deployer` or `provider and deployer`, and `provider.public_service` is answered. A
provider's card has instructions for use, limitations, evaluation, validation and changes; a deployer's has oversight, a
period for logs and a contact for incidents. Whoever answers for the model stands under `owners`, each with a duty and a
holder.

## Why
Duties follow from roles. A card without a role can be read by each side as the other's work.

## Reference
AI Act Article 16 (providers) and Article 26 (deployers). ISO/IEC 42001 A.3.2 and A.10.2: roles and responsibilities are
allocated.

## Fails
The role is missing or is no role of the Act, nobody owns the model, or something of the role's is not there.
```yaml
provider: {role: vendor}
```
```yaml
owners: null
```
```yaml
instructions_for_use: null
```
```yaml
provider: {role: deployer}
retention: {log_days: null}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card import ModelCard
from policies.rules.answers import Path, Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="TIER-005",
    title="the card says in which role the provider acts, and holds what that role has to have",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 16"),
        Control("eu-ai-act", "Article 26"),
        Control("iso-42001", "A.3.2"),
        Control("iso-42001", "A.10.2"),
    ),
    remediation="State the role and who holds which duty:\n\n"
    "+ provider:\n+   role: provider\n+   public_service: false\n+ owners:\n+   - duty: …\n+     holder: …",
)
ROLES: Final = {
    "provider": ("provider",), "deployer": ("deployer",), "provider and deployer": ("provider", "deployer"),
    "deployer and provider": ("provider", "deployer"),
}  # fmt: skip


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """What each document says is left to the rules about it; here it is only there or not."""
    provider = bundle.card.provider
    text = None if provider is None else provider.role
    roles = ROLES.get(plain(text or ""), ())
    findings = [*_role(bundle, text), *_owners(bundle)]
    if provider is None or provider.public_service is None:
        path = ("provider", "public_service")
        findings.append(finding(bundle, path, "provider.public_service is missing", "true or false"))
    for role in roles:
        findings += [
            finding(bundle, path, f"a {role}'s card has to have this, and it is missing", wanted)
            for path, there, wanted in _has_to_have(bundle.card, role)
            if not there
        ]
    return judged(findings, self_reported(f"acts as {text}; {len(bundle.card.owners or ())} duties with a holder"))


def _role(bundle: BundleTarget, text: str | None) -> Iterator[Finding]:
    if text is None:
        yield finding(bundle, ("provider", "role"), "provider.role is missing", ", ".join(ROLES))
    elif plain(text) not in ROLES:
        yield finding(bundle, ("provider", "role"), "provider.role is no role of the AI Act", ", ".join(ROLES), text)


def _owners(bundle: BundleTarget) -> Iterator[Finding]:
    owners = bundle.card.owners or ()
    if not owners:
        yield finding(bundle, ("owners",), "owners has no entry", "who answers for what")
    for number, owner in enumerate(owners):
        path = ("owners", number)
        questions = [
            Question((*path, "duty"), owner.duty, "what the holder answers for"),
            Question((*path, "holder"), owner.holder, "who holds the duty"),
        ]
        yield from unanswered(bundle, questions)


def _has_to_have(card: ModelCard, role: str) -> Iterator[tuple[Path, bool, str]]:
    if role == "provider":
        validation = None if card.evaluation is None else card.evaluation.validation
        yield ("instructions_for_use",), card.instructions_for_use is not None, "instructions for use"
        yield ("limitations",), bool(card.limitations), "what the model does badly"
        yield ("evaluation",), card.evaluation is not None, "the run that the figures come from"
        yield ("evaluation", "validation"), validation is not None, "a validation report"
        yield ("changes",), bool(card.changes), "what this version changed"
    else:
        incidents = None if card.monitoring is None else card.monitoring.incident_contact
        days = None if card.retention is None else card.retention.log_days
        yield ("oversight",), card.oversight is not None, "who oversees the system"
        yield ("retention", "log_days"), days is not None, "how long logs are kept"
        yield ("monitoring", "incident_contact"), incidents is not None, "whom to tell of an incident"
