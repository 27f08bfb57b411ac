# SPDX-License-Identifier: Apache-2.0
"""ART-004: what the model was made from, and under which terms it may be used, is recorded.

## What it checks
The card states the model's licence, and lists the models of others that it was made from: `base_models: []` if there is
none, else each with name, version, source, licence and digest. A card whose own words speak of fine-tuning, of
pre-trained weights or of embeddings contradicts an empty list.

## Why
A part that nobody lists is one whose licence nobody read and whose flaws nobody will hear about.

## Reference
AI Act Annex IV(2)(a): use of pre-trained systems and of tools by third parties; NIST AI RMF GOVERN 6.1 and MANAGE 3.1.

## Fails
A list that is empty, and a type that says otherwise:
```yaml
model_type: fine-tuned sentence encoder with a linear head
```
A licence that nobody read:
```yaml
base_models:
  - {name: encoder, version: 1.0.0, source: the registry of its authors, licence: unknown}
```

## Passes
```yaml
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Path, Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="ART-004",
    title="what the model was made from, and under which terms it may be used, is recorded",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(2)(a)"),
        Control("nist-ai-rmf", "GOVERN 6.1"),
        Control("nist-ai-rmf", "MANAGE 3.1"),
    ),
    remediation=(
        "State the licence, and list what the model was made from:\n\n+ licence: Apache-2.0\n+ base_models:\n"
        "+   - {name: …, version: …, source: …, licence: …, sha256: …}\n\nor `base_models: []`."
    ),
)
_MADE_FROM: Final = re.compile(
    r"\b(fine tun\w*|finetun\w*|pre ?trained|transfer learning|distill?ed|embeddings?|lora|adapter|foundation model|"
    r"bert|gpt|llama|resnet)\b"
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Ask for the licence and the list, then for each entry's terms, then whether the card contradicts the list."""
    card = bundle.card
    found: list[Finding] = list(unanswered(bundle, [Question(("licence",), card.licence, "the model's own licence")]))
    models = card.base_models
    if models is None:
        found.append(finding(bundle, ("base_models",), "base_models is missing", "a list, [] for none"))
    for index, model in enumerate(models or ()):
        at: Path = ("base_models", index)
        texts = (("name", model.name), ("source", model.source), ("licence", model.licence))
        if not any(letter.isdigit() for letter in model.version or ""):
            message = f"{model.name} has no version"
            found.append(finding(bundle, (*at, "version"), message, "the version that was used", model.version))
        found += unanswered(bundle, [Question((*at, key), text, f"the {key} of that model") for key, text in texts])
        if model.sha256 is None:
            found.append(finding(bundle, (*at, "sha256"), f"{model.name} has no digest", "64 hex digits"))
    if not models:
        found += _contradictions(bundle)
    made = "nothing of others" if not models else ", ".join(model.name for model in models)
    return judged(found, self_reported(f"licence {card.licence}; made from {made}"))


def _contradictions(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    for key, text in (("model_type", card.model_type), ("description", card.description)):
        match = _MADE_FROM.search(plain(text or ""))
        if match is not None:
            message = f"{key} speaks of {match[0]!r}, and no model is listed that this one was made from"
            yield finding(bundle, (key,), message, "the model in base_models, or another word here", match[0])
