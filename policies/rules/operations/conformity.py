# SPDX-License-Identifier: Apache-2.0
"""OPS-005: a high-risk system is assessed, declared, marked and registered.

## What it checks
If the class is high, or cannot be read, `conformity` has `assessment`, `declaration`, `ce_marking` and
`registration`, each with a reference of its own, an issuer and a date not after the run; the declaration is not older
than the assessment. Papers beside a lower class are a contradiction. Before the duty applies a failure is upcoming,
and blocks at tier high.

## Why
These papers are what makes a high-risk system lawful to sell, and what an authority asks for first.

## Reference
AI Act Articles 43, 47, 48 and 49(1). From when they bind is read in two ways, which the law pack keeps: 2026-08-02 by
their place in the Regulation, 2027-12-02 because nothing is high-risk by Annex III before.

## Fails
A paper is missing, dated after the run, the same for all, or there although the class needs none.
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
```
```yaml
conformity:
  ce_marking: {reference: CE 0123, issuer: the provider, date: 2026-11-02}
```

## Passes
All four are there.
```yaml
eu_ai_act_classification: High Risk
eu_ai_act: {annex_iii_point: 5b}
conformity:
  assessment: {reference: internal control 2026-3, issuer: the provider, date: 2026-10-01}
  declaration: {reference: DoC 2026-3, issuer: the provider, date: 2026-11-02}
  ce_marking: {reference: on the first page of the instructions, issuer: the provider, date: 2026-11-02}
  registration: {reference: EU database entry 12345, issuer: the provider, date: 2026-11-03}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_assurance import Conformity, Document
from policies.rules.answers import Path, finding
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, self_reported
from policies.rules.operations.papers import is_high_risk, unproven
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-005",
    title="a high-risk system is assessed, declared, marked and registered",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 43"),
        Control("eu-ai-act", "Article 47"),
        Control("eu-ai-act", "Article 48"),
        Control("eu-ai-act", "Article 49(1)"),
        Control("eu-ai-act", "Annex IV(8)"),
    ),
    remediation="Have the papers made, and say where they are:\n\n"
    "+ conformity:\n+   assessment:\n+     reference: …\n+     issuer: …\n+     date: …\n+   declaration: …\n"
    "+   ce_marking: …\n+   registration: …",
    duty="high-risk-around-chapter-iii",
)
_ABOUT: Final = {
    "assessment": "conformity assessment", "declaration": "declaration of conformity", "ce_marking": "CE marking",
    "registration": "registration",
}  # fmt: skip


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Papers are read as the card cites them; none is fetched."""
    conformity = bundle.card.conformity or Conformity()
    papers: list[tuple[Path, Document | None, str]] = [
        (("conformity", key), getattr(conformity, key), about) for key, about in _ABOUT.items()
    ]
    if not is_high_risk(bundle.card):
        findings = [
            finding(
                bundle, path, f"the {about} stands beside a class below high", "High Risk, or no such paper",
                paper.reference,
            )
            for path, paper, about in papers
            if paper is not None
        ]  # fmt: skip
        return judged(findings, not_applicable("the class is below high, and no paper says otherwise"))
    findings = [*unproven(bundle, papers, run.as_of), *_order(bundle, conformity)]
    cited = ", ".join(paper.reference for _, paper, _ in papers if paper is not None)
    return judged(findings, self_reported(f"cited: {cited}"))


def _order(bundle: BundleTarget, conformity: Conformity) -> Iterator[Finding]:
    assessed = conformity.assessment and conformity.assessment.date
    declared = conformity.declaration and conformity.declaration.date
    if assessed and declared and declared < assessed:
        path = ("conformity", "declaration", "date")
        yield finding(bundle, path, "declared before it was assessed", f"a date from {assessed} on", declared)
