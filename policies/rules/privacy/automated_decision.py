# SPDX-License-Identifier: Apache-2.0
"""PRIV-001: no machine decides alone with weight, without a person, a notice and a way to contest.

## What it checks
The card says whether an answer has significant effects on people and whether it decides alone. If it does both: someone
may overrule it, people can contest it and are told the logic, the answers come with reasons, and a legal reference
names the ground (GDPR Article 22 or POPIA Section 71). If the card says that effects are slight, no point of Annex III
may be declared, because those points are there for the weight of their effects. If it says that it does not decide
alone, it says who decides and how that person may overrule it.

## Why
The two answers decide which rights a person has. They are the two that are most tempting to get wrong.

## Reference
GDPR Articles 22 and 13(2)(f); POPIA Section 71; AI Act Article 86.

## Fails
A credit decision that is said to have no weight:
```yaml
eu_ai_act: {annex_iii_point: 5b}
privacy: {significant_effect: false}
```
A decision of weight by the machine alone, with nowhere to go:
```yaml
privacy: {significant_effect: true}
oversight: {solely_automated: true, contest: n/a}
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="PRIV-001",
    title="no machine decides alone with weight, without a person, a notice and a way to contest",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("gdpr", "Article 22"),
        Control("gdpr", "Article 13(2)(f)"),
        Control("popia", "Section 71"),
        Control("eu-ai-act", "Article 86"),
    ),
    remediation=(
        "Say what is the case, and name the person, the notice and the way to contest:\n\n+ privacy:\n"
        "+   significant_effect: true\n+   logic_notice: …\n+ oversight:\n+   solely_automated: false\n+   contest: …"
    ),
)
_WEIGHT: Final = ("privacy", "significant_effect")
_ALONE: Final = ("oversight", "solely_automated")
_POINT: Final = ("eu_ai_act", "annex_iii_point")
GROUNDS: Final = (("gdpr", "22"), ("2016/679", "22"), ("popia", "71"))


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Ask for both facts, hold them against the rest of the card, then ask for what follows from them."""
    card = bundle.card
    weight = None if card.privacy is None else card.privacy.significant_effect
    alone = None if card.oversight is None else card.oversight.solely_automated
    found: list[Finding] = []
    for path, value in ((_WEIGHT, weight), (_ALONE, alone)):
        if value is None:
            found.append(finding(bundle, path, f"{'.'.join(path)} is missing", "true or false"))
    found += _contradiction(bundle, weight)
    found += unanswered(bundle, _questions(bundle, bool(weight and alone)))
    if weight and alone:
        found += _ground(bundle)
    said = "decides alone with weight" if weight and alone else "does not decide alone with weight"
    return judged(found, self_reported(f"the card says that the model {said}, and who can be turned to"))


def _contradiction(bundle: BundleTarget, weight: bool | None) -> Iterator[Finding]:
    act = bundle.card.eu_ai_act
    point = None if act is None else act.annex_iii_point
    if weight is False and point not in (None, "none"):
        message = f"an answer under point {point} of Annex III is said to have no significant effect"
        yield finding(bundle, _WEIGHT, message, "true", False)


def _questions(bundle: BundleTarget, weighty: bool) -> Iterator[Question]:
    oversight, privacy = bundle.card.oversight, bundle.card.privacy
    override = None if oversight is None else oversight.override
    duty = None if oversight is None else oversight.duty
    notice = None if privacy is None else privacy.logic_notice
    yield Question(("oversight", "duty"), duty, "who decides on the strength of an answer")
    yield Question(("oversight", "override"), override, "how that person may overrule an answer")
    yield Question(("privacy", "logic_notice"), notice, "where people are told how an answer about them is made")
    if weighty:
        contest = None if oversight is None else oversight.contest
        yield Question(("oversight", "contest"), contest, "how a person contests an answer")


def _ground(bundle: BundleTarget) -> Iterator[Finding]:
    if bundle.card.explanation is None:
        message = "an answer that decides alone comes without reasons"
        yield finding(bundle, ("explanation",), message, "an explanation, for each answer's reasons")
    references = bundle.card.legal_references or ()
    named = [(f"{item.source} ".lower(), item.point or "") for item in references]
    if not any(law in source and number in point for source, point in named for law, number in GROUNDS):
        message = "no legal reference names the ground on which a machine may decide alone"
        yield finding(bundle, ("legal_references",), message, "GDPR Article 22 or POPIA Section 71")
