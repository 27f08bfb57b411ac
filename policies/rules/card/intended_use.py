# SPDX-License-Identifier: Apache-2.0
"""CARD-004: the card says what the model is for, what it is not for, and how it could be misused.

## What it checks
`intended_use`, `out_of_scope_use` and `foreseeable_misuse` each have at least one entry; no entry is a placeholder;
none stands twice. No intended use contains a use that is out of scope word by word, nor stands within one. Whether the
entries are right is for people to judge.

## Why
Fitness is fitness for a purpose. Without the purpose no threshold means anything, and without its limits every use is
allowed.

## Reference
AI Act Article 13(3)(b)(i) and (iii), Article 9(2)(b): intended purpose, and risks from it and from foreseeable misuse.
NIST AI RMF MAP 1.1 and ISO/IEC 42001 A.9.4: intended purposes are documented.

## Fails
Nothing is out of scope, an entry says nothing, or a use is both intended and out of scope.
```yaml
out_of_scope_use: []
```
```yaml
foreseeable_misuse: [n/a]
```
```yaml
intended_use: [rank existing customers for an offer, credit scoring of customers]
out_of_scope_use: ["pricing, credit or debt collection"]
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-004",
    title="the card says what the model is for, what it is not for, and how it could be misused",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 13(3)(b)(i)"),
        Control("eu-ai-act", "Article 13(3)(b)(iii)"),
        Control("eu-ai-act", "Article 9(2)(b)"),
        Control("nist-ai-rmf", "MAP 1.1"),
        Control("iso-42001", "A.9.4"),
    ),
    remediation="Write one line for each use, each use that is out of scope and each misuse:\n\n"
    "+ intended_use:\n+   - …\n+ out_of_scope_use:\n+   - …\n+ foreseeable_misuse:\n+   - …",
)
_WANTED: Final = {
    "intended_use": "what the model is for, one use a line",
    "out_of_scope_use": "what the model is not for, one use a line",
    "foreseeable_misuse": "how people may misuse it, one way a line",
}


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Every entry is asked as one question, so that none may repeat another."""
    lists = {key: getattr(bundle.card, key) or () for key in _WANTED}
    findings = [
        finding(bundle, (key,), f"{key} has no entry", _WANTED[key]) for key, entries in lists.items() if not entries
    ]
    questions = [
        Question((key, number), entry, _WANTED[key])
        for key, entries in lists.items()
        for number, entry in enumerate(entries)
    ]
    findings += unanswered(bundle, questions)
    findings += _contradicted(bundle)
    counts = ", ".join(f"{len(entries)} under {key}" for key, entries in lists.items())
    return judged(findings, self_reported(f"entries that say something: {counts}"))


def _contradicted(bundle: BundleTarget) -> Iterator[Finding]:
    """An entry may list several uses, with commas or ``or`` between."""
    outside = [
        (number, words)
        for number, entry in enumerate(bundle.card.out_of_scope_use or ())
        for part in re.split(r"[,;]|\bor\b", entry)
        if (words := plain(part))
    ]
    for number, entry in enumerate(bundle.card.intended_use or ()):
        use = plain(entry)
        for other, words in outside:
            if use and (f" {words} " in f" {use} " or f" {use} " in f" {words} "):
                message = f"`{words}` is out of scope by out_of_scope_use[{other}]"
                wanted = "either an intended use or one that is out of scope"
                yield finding(bundle, ("intended_use", number), message, wanted, entry)
