# SPDX-License-Identifier: Apache-2.0
"""WAIV-001: every waiver of what is judged is in force, and granted by someone who may.

## What it checks
Waivers whose subject is a target of the run have not expired, and have not been created after the day of the run. A
waiver granted by a demonstration key's owner is for cards that are listed beside that key, unless the profile accepts
such keys anywhere. That the file reads, that two listed people are behind each waiver, that it holds for at most 90
days and names a rule that may be waived, is held before anything is judged: a file that breaks it stops the run.

## Why
A deviation that was accepted for a time, and then forgotten, is a deviation for ever. The finding of an expired waiver
comes back by itself; this rule says so at the place where it can be mended.

## Reference
NIST AI RMF GOVERN 1.4 asks that risk management rests on transparent policies. AI Act Article 17 asks for a quality
management system in which such decisions are documented. The names in the file are text under review: nothing in it is
signed, so code owners have to guard it.

## Fails
The waiver expired the day before:
```yaml
# as of: 2026-12-31
approvers.yaml:
  schema: countersign.dev/approvers/v1
  approvers:
    - name: model risk
      duty: model risk
      public_key: |
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=
        -----END PUBLIC KEY-----
waivers.yaml:
  schema: countersign.dev/waivers/v1
  waivers:
    - id: W-7
      rule: FAIR-002
      subject: telco-watson@1.0.0
      reason: seniors leave more often, and a selection opens an offer
      ticket: RISK-7
      requested_by: retention lead
      approved_by: model risk
      created: 2026-10-01
      expires: 2026-12-30
      compensating_control: offers by age group are counted every week
```
It was granted with a demonstration key, which is for listed cards only:
```yaml
approvers.yaml:
  schema: countersign.dev/approvers/v1
  approvers:
    - name: model risk
      duty: model risk
      public_key: |
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=
        -----END PUBLIC KEY-----
      demonstration: true
waivers.yaml:
  schema: countersign.dev/waivers/v1
  waivers:
    - id: W-7
      rule: FAIR-002
      subject: telco-watson@1.0.0
      reason: seniors leave more often, and a selection opens an offer
      ticket: RISK-7
      requested_by: retention lead
      approved_by: model risk
      created: 2026-10-01
      expires: 2026-12-30
      compensating_control: offers by age group are counted every week
```

## Passes
The last day on which it holds:
```yaml
# as of: 2026-12-30
approvers.yaml:
  schema: countersign.dev/approvers/v1
  approvers:
    - name: model risk
      duty: model risk
      public_key: |
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=
        -----END PUBLIC KEY-----
waivers.yaml:
  schema: countersign.dev/waivers/v1
  waivers:
    - id: W-7
      rule: FAIR-002
      subject: telco-watson@1.0.0
      reason: seniors leave more often, and a selection opens an offer
      ticket: RISK-7
      requested_by: retention lead
      approved_by: model risk
      created: 2026-10-01
      expires: 2026-12-30
      compensating_control: offers by age group are counted every week
```
"""

from collections.abc import Iterator

from policies.governance.governance import Governance, Waiver
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run

RULE = Rule(
    id="WAIV-001",
    title="every waiver of what is judged is in force, and granted by someone who may",
    severity=Severity.CRITICAL,
    over="governance",
    waivable=False,
    controls=(Control("nist-ai-rmf", "GOVERN 1.4"), Control("eu-ai-act", "Article 17")),
    remediation="Mend what the waiver covers and remove it, or have it granted anew for at most 90 days:\n"
    "- expires: 2026-12-30\n+ expires: 2027-02-28",
)


def check(governance: Governance, run: Run) -> Judgement:
    """Look at the dates of the waivers, and at who granted them."""
    about = [waiver for waiver in governance.waivers if waiver.subject in _subjects(run)]
    if not about:
        return not_applicable("no waiver is about a target of this run")
    note = ", ".join(f"{waiver.id} of {waiver.rule} until {waiver.expires}" for waiver in about)
    return judged((item for waiver in about for item in _findings(waiver, governance, run)), self_reported(note))


def _subjects(run: Run) -> dict[str, str | None]:
    """What a waiver may call each target, with the digest of the card where it is a bundle."""
    found: dict[str, str | None] = {}
    for bundle in run.bundles:
        for name in (bundle.card_digest, f"{bundle.card.model_id}@{bundle.card.version}"):
            found[name] = bundle.card_digest
    for target in (run.manifests, run.argocd, run.infra, run.repository):
        if target is not None:
            found[target.name] = None
            found[getattr(target, "digest", target.name)] = None
    return found


def _findings(waiver: Waiver, governance: Governance, run: Run) -> Iterator[Finding]:
    if waiver.expires < run.as_of:
        yield Finding(
            place=waiver.place,
            message=f"waiver {waiver.id} of {waiver.rule} expired on {waiver.expires}",
            seen=waiver.expires.isoformat(),
            wanted=f"{run.as_of} or later, or no waiver",
        )
    if waiver.created > run.as_of:
        yield Finding(
            place=waiver.place,
            message=f"waiver {waiver.id} was created in the future",
            seen=waiver.created.isoformat(),
            wanted=f"{run.as_of} or earlier",
        )
    granter = next((item for item in governance.approvers if item.name == waiver.approved_by), None)
    if granter is None or run.profile.any_demonstration_key or not granter.demonstration:
        return
    if _subjects(run)[waiver.subject] not in granter.cards:
        yield Finding(
            place=waiver.place,
            message=f"waiver {waiver.id} was granted by the owner of a demonstration key",
            seen=waiver.approved_by,
            wanted=f"a person's grant, or the card's digest under `cards` of {waiver.approved_by!r} in approvers.yaml",
        )
