# SPDX-License-Identifier: Apache-2.0
"""OPS-004: who has to assess the impact on fundamental rights has done so.

## What it checks
For a high-risk system, or one whose class cannot be read, of a body that is public or provides public services (but not
critical infrastructure), and for any system of points 5b and 5c: `conformity.fundamental_rights` has a reference, an
issuer and a date not after the run. Before the duty applies a failure is upcoming, and blocks at tier high.

## Why
People who depend on a public service, a loan or an insurance cannot walk away from a wrong answer.

## Reference
AI Act Article 27, for Annex III from 2027-12-02 after Regulation (EU) 2026/1744; first adopted for 2026-08-02.

## Fails
A system that rates creditworthiness has no assessment, or one dated after the run.
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
```
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
conformity:
  fundamental_rights: {reference: FRIA 2027-4, issuer: the lending desk, date: 2026-11-24}
```

## Passes
The assessment is there.
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
conformity:
  fundamental_rights: {reference: FRIA 2026-4, issuer: the lending desk, date: 2026-11-02}
```
"""

from typing import Final

from policies.rules.judgement import Judgement, judged, not_applicable, self_reported
from policies.rules.operations.papers import is_high_risk, unproven
from policies.rules.rule import Control, Rule, Severity
from policies.rules.tier.high_risk import point_of
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-004",
    title="who has to assess the impact on fundamental rights has done so",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 27"),
        Control("iso-42001", "A.5.4"),
    ),
    remediation="Make the assessment and say where it is:\n\n"
    "+ conformity:\n+   fundamental_rights:\n+     reference: …\n+     issuer: …\n+     date: …",
    duty="annex-iii-high-risk",
)
_ANY_DEPLOYER: Final = ("5b", "5c")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """A provider that does not say whether it provides a public service is asked as if it did."""
    card = bundle.card
    point = point_of(card.eu_ai_act)
    private = card.provider is not None and card.provider.public_service is False
    if not is_high_risk(card):
        return not_applicable("the class is below high")
    if point is not None and point.startswith("2"):
        return not_applicable("critical infrastructure is left out by Article 27(1)")
    if private and point not in _ANY_DEPLOYER:
        return not_applicable("no public service, and neither point 5b nor 5c")
    paper = None if card.conformity is None else card.conformity.fundamental_rights
    asked = [(("conformity", "fundamental_rights"), paper, "fundamental rights impact assessment")]
    reference = None if paper is None else paper.reference
    return judged(unproven(bundle, asked, run.as_of), self_reported(f"assessed: {reference}"))
