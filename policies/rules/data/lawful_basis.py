# SPDX-License-Identifier: Apache-2.0
"""DATA-006: personal data has a lawful basis and an impact assessment.

## What it checks
Each dataset says whether it holds personal data. If it does, it names one of the six bases of GDPR Article 6(1) and a
reference of an impact assessment. If it says that it does not, no feature of the card is marked as personal, and the
card evaluated no protected attribute of people without saying why that is no personal data.

## Why
A model that must not have been trained cannot be repaired afterwards.

## Reference
GDPR Article 6 has the bases and Article 35 the impact assessment; POPIA section 11 the conditions for processing. NIST
AI RMF MEASURE 2.10 has privacy risk examined. Whether the basis holds is left to people.

## Fails
Whether it is about people is not said:
```yaml
datasets: [{name: customers}]
```
Personal data without a basis:
```yaml
datasets: [{name: customers, personal_data: true, impact_assessment: DPIA 2026-7}]
```
A basis that is none of the six, and an assessment that is not there:
```yaml
datasets: [{name: customers, personal_data: true, lawful_basis: business need, impact_assessment: pending}]
```
A feature is marked as personal, and the data is said to be without:
```yaml
features:
  - {name: email_domain, type: text, pii: true}
```
Protected attributes of people, and not a word why that is no personal data:
```yaml
datasets: [{name: customers, personal_data: false}]
```

## Passes
```yaml
{}
```
```yaml
datasets:
  - {name: customers, personal_data: true, lawful_basis: legitimate interests (GDPR Article 6(1)(f)),
     impact_assessment: DPIA 2026-7 of 3 March 2026}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.model_card_evidence import Dataset
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="DATA-006",
    title="personal data has a lawful basis and an impact assessment",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("gdpr", "Article 6"),
        Control("gdpr", "Article 35"),
        Control("popia", "Section 11"),
        Control("nist-ai-rmf", "MEASURE 2.10"),
    ),
    remediation="Say whether the data is about people, on which basis, and where the assessment is:\n"
    "+ personal_data: true\n+ lawful_basis: …\n+ impact_assessment: …",
)

_BASES: Final = (
    "consent", "contract", "legal obligation", "vital interest", "public task", "public interest",
    "legitimate interest",
)  # fmt: skip


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge what each dataset says of people."""
    datasets = bundle.card.datasets or ()
    personal = [dataset.name for dataset in datasets if dataset.personal_data]
    note = f"personal data in {', '.join(personal)}" if personal else "no dataset holds personal data"
    return judged(_findings(bundle), self_reported(f"{note}, as the card says"))


def _findings(bundle: BundleTarget) -> Iterator[Finding]:
    datasets = bundle.card.datasets or ()
    if not datasets:
        yield finding(bundle, ("datasets",), "the card names no dataset", "datasets that say whether they are personal")
    for place, dataset in enumerate(datasets):
        if dataset.personal_data is None:
            path = ("datasets", place, "personal_data")
            yield finding(bundle, path, f"whether {dataset.name} holds personal data is not said", "true or false")
        elif dataset.personal_data:
            yield from _personal(bundle, place, dataset)
    if datasets and not any(dataset.personal_data for dataset in datasets):
        yield from _contradictions(bundle)


def _personal(bundle: BundleTarget, place: int, dataset: Dataset) -> Iterator[Finding]:
    path = ("datasets", place, "lawful_basis")
    basis = dataset.lawful_basis
    if says_nothing(basis) or not any(words in plain(basis or "") for words in _BASES):
        yield finding(bundle, path, f"no lawful basis for {dataset.name} is named",
                      "consent, contract, legal obligation, vital interests, public task or legitimate interests",
                      basis)  # fmt: skip
    reference = Question(("datasets", place, "impact_assessment"), dataset.impact_assessment, "its reference")
    yield from unanswered(bundle, [reference])


def _contradictions(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    for place, feature in enumerate(card.features):
        if feature.pii:
            yield finding(
                bundle, ("features", place, "pii"),
                f"the feature {feature.name} is personal data, but no dataset is said to hold any",
                "`personal_data: true` on the dataset", "true",
            )  # fmt: skip
    attributes = (card.fairness.attributes if card.fairness else None) or {}
    reasons = [dataset.lawful_basis for dataset in card.datasets or ()]
    if attributes and all(says_nothing(reason) for reason in reasons):
        yield finding(
            bundle, ("datasets", 0, "personal_data"),
            f"the data has {', '.join(name for name in attributes if ' and ' not in name)} of people, "
            "but is said to be without personal data",
            "`personal_data: true`, or in `lawful_basis` why none is needed", False,
        )  # fmt: skip
