# SPDX-License-Identifier: Apache-2.0
"""DATA-004: the data was examined for bias, and what was found is written down.

## What it checks
Each dataset's datasheet has a `bias_examination` that says something and is no text of another answer. It speaks of
every protected attribute that the card has figures for.

## Why
A model learns the unfairness of its data before it adds its own.

## Reference
AI Act Article 10(2)(f) and (g) ask for an examination of possible biases and for measures against them. NIST AI RMF
MEASURE 2.11 has bias evaluated. What was found is left to people to judge.

## Fails
```yaml
datasets:
  - {name: customers, datasheet: {bias_examination: TBD}}
```
It is silent on what was measured:
```yaml
datasets:
  - {name: customers, datasheet: {bias_examination: customers of all regions are in the data in equal shares}}
```
It is the text on gaps again:
```yaml
datasets:
  - name: customers
    datasheet:
      known_gaps: gender and senior citizenship are self-reported
      bias_examination: Gender and senior citizenship are self-reported.
```

## Passes
```yaml
{}
```
```yaml
# card: telecom-churn
{}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="DATA-004",
    title="the data was examined for bias, and what was found is written down",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 10(2)(f)"),
        Control("eu-ai-act", "Article 10(2)(g)"),
        Control("nist-ai-rmf", "MEASURE 2.11"),
    ),
    remediation="Look at labels and rows by group, and write down what differs:\n+ datasheet:\n+   bias_examination: …",
)

_OTHERS: Final = ("collection", "labelling", "cleaning", "known_gaps", "representativeness", "bias_examination")


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge the text of each dataset against the attributes that were measured."""
    return judged(_findings(bundle), self_reported("the examination for bias is described for each dataset"))


def _findings(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    if not card.datasets:
        yield finding(bundle, ("datasets",), "the card names no dataset", "a dataset that was examined for bias")
    measured = [name for name in (card.fairness.attributes if card.fairness else None) or {} if " and " not in name]
    texts = []
    for place, dataset in enumerate(card.datasets or ()):
        path = ("datasets", place, "datasheet")
        sheet = dataset.datasheet
        text = sheet.bias_examination if sheet else None
        texts.append(plain(text or ""))
        asked = Question((*path, "bias_examination"), text, "what was looked at by group, and what was found")
        others = [Question((*path, key), getattr(sheet, key), "") for key in _OTHERS[:-1] if sheet is not None]
        given = [question for question in others if not says_nothing(question.text)]
        own = bundle.at(*path, "bias_examination")
        yield from (item for item in unanswered(bundle, [*given, asked]) if item.place == own and item.wanted)
    for attribute in measured if texts else ():
        if not any(plain(attribute) in text for text in texts):
            yield finding(
                bundle, ("datasets", 0, "datasheet", "bias_examination"),
                f"figures are given by {attribute}, but the examination of the data does not speak of it",
                f"what the data shows by {attribute}", texts[0] or None,
            )  # fmt: skip
