# SPDX-License-Identifier: Apache-2.0
"""FAIR-008: special-category data is used for bias work only with a basis, for want of an alternative, and for a time.

## What it checks
Protected attributes and features whose names speak of ethnic origin, belief, politics, unions, health, disability,
genes, biometrics or sexual life are special-category data. Each stands under `fairness.special_categories` with a basis
that names AI Act Article 4a, GDPR Article 9(2) or POPIA section 27, with why other data would not do, and with a day of
deletion that lies ahead. A card that measured other attributes says in `special_category_basis` why no basis was
needed; what it lists as special is really used.

## Why
Bias by ethnic origin cannot be found without looking at it, and looking at it is what the law restricts most. The basis
is examined before, not after.

## Reference
AI Act Article 4a, in the version of Regulation (EU) 2026/1744, allows such data for detecting and correcting bias where
other data would not do, under safeguards and until the bias is corrected. GDPR Article 9 forbids processing it but for
its exceptions; POPIA sections 26 and 27 do likewise.

## Fails
A special category passed over:
```yaml
features:
  - {name: health_score, type: number, minimum: 0, maximum: 1}
```
The reason why none was needed says nothing:
```yaml
fairness: {special_category_basis: none}
```
A basis for something that is not used:
```yaml
fairness:
  special_categories:
    - {attribute: ethnicity, basis: AI Act Article 4a, alternatives: synthetic data shows no bias, deletion: 2027-01-01}
```
The day of deletion has passed:
```yaml
features:
  - {name: ethnicity, type: category, values: [a, b]}
fairness:
  special_categories:
    - {attribute: ethnicity, basis: AI Act Article 4a, alternatives: synthetic data shows no bias, deletion: 2026-01-01}
```

## Passes
```yaml
{}
```
```yaml
features:
  - {name: ethnicity, type: category, values: [a, b]}
fairness:
  special_categories:
    - {attribute: ethnicity, basis: AI Act Article 4a, alternatives: synthetic data shows no bias, deletion: 2027-01-01}
```
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from contracts.model_card import ModelCard
from contracts.model_card_evidence import SpecialCategory
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="FAIR-008",
    title="special-category data is used for bias work with a basis, for want of an alternative, and for a time",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 4a"),
        Control("gdpr", "Article 9"),
        Control("popia", "Section 26"),
        Control("popia", "Section 27"),
    ),
    remediation="Remove the attribute, or say why it may be used and until when:\n+ special_categories:\n"
    "+   - attribute: …\n+     basis: AI Act Article 4a\n+     alternatives: …\n+     deletion: 2027-05-01",
)

_SPECIAL: Final = frozenset(
    {
        "belief", "beliefs", "biometric", "biometrics", "diagnosis", "disability", "disabled", "ethnic", "ethnicity",
        "gene", "genetic", "genetics", "genome", "health", "illness", "medical", "orientation", "political", "politics",
        "race", "racial", "religion", "religious", "sexual", "union",
    }
)  # fmt: skip
_BASES: Final = re.compile(r"\b4a\b|\b9\(2\)|\bsections? 2[67]\b", re.IGNORECASE)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Judge each special category that the card's names show, and each that it lists."""
    card = bundle.card
    used = _special(card)
    listed = (card.fairness.special_categories if card.fairness else None) or ()
    attributes = (card.fairness.attributes if card.fairness else None) or {}
    if not used and not listed and not attributes:
        return not_applicable("no protected attribute is a feature or was evaluated")
    findings = [*_unlisted(bundle, used, listed), *_listed(bundle, used, run)]
    if not used and not listed and says_nothing(card.fairness.special_category_basis if card.fairness else None):
        findings.append(
            Finding(
                place=bundle.at("fairness", "special_category_basis"),
                message="why the protected attributes need no basis is not said",
                seen=card.fairness.special_category_basis if card.fairness else None,
                wanted="why none of them is special-category data",
            )
        )
    note = ", ".join(used) if used else "no special-category data, as far as names show"
    return judged(findings, self_reported(note))


def _special(card: ModelCard) -> list[str]:
    attributes = (card.fairness.attributes if card.fairness else None) or {}
    names = chain((feature.name for feature in card.features), (name for name in attributes if " and " not in name))
    return [name for name in dict.fromkeys(names) if _SPECIAL & set(plain(name).split())]


def _unlisted(bundle: BundleTarget, used: list[str], listed: tuple[SpecialCategory, ...]) -> Iterator[Finding]:
    have = {item.attribute for item in listed}
    for name in used:
        if name not in have:
            yield Finding(
                place=bundle.at("fairness", "special_categories"),
                message=f"{name} is special-category data, and the card has no basis for it",
                seen=name,
                wanted=f"`- attribute: {name}` with basis, alternatives and deletion",
            )


def _listed(bundle: BundleTarget, used: list[str], run: Run) -> Iterator[Finding]:
    for place, item in enumerate((bundle.card.fairness.special_categories if bundle.card.fairness else None) or ()):

        def finding(key: str, message: str, seen: str | None, wanted: str, place: int = place) -> Finding:
            at = bundle.at("fairness", "special_categories", place, key)
            return Finding(place=at, message=message, seen=seen, wanted=wanted)

        if item.attribute not in used:
            yield finding("attribute", "a basis is given for data that the card does not use", item.attribute,
                          "only attributes that are evaluated or are features")  # fmt: skip
        if says_nothing(item.basis) or not _BASES.search(item.basis or ""):
            yield finding("basis", f"no legal basis for {item.attribute} is named", item.basis,
                          "AI Act Article 4a, GDPR Article 9(2) or POPIA section 27")  # fmt: skip
        if says_nothing(item.alternatives):
            yield finding("alternatives", f"why {item.attribute} cannot be replaced is not said", item.alternatives,
                          "why other, synthetic or anonymised data would not do")  # fmt: skip
        if item.deletion is None or item.deletion <= run.as_of:
            seen = None if item.deletion is None else item.deletion.isoformat()
            yield finding(
                "deletion", f"{item.attribute} has no day of deletion ahead", seen, f"a day after {run.as_of}"
            )
