# SPDX-License-Identifier: Apache-2.0
"""CARD-002: the card says whose model and which version this is, and the inventory agrees.

## What it checks
`version` is a semantic version. The bundle lies in the inventory as `models/<id>/<version>`, under the id and the
version on its card. `previous_version` lies beside it and is the newest earlier version there; where none is named
there is none. The provider is named with a contact; name and description, where there are any, say something.

## Why
An incident starts with the question which model this was, who answers for it, and what ran before. A card that lies in
the folder of another version gives the wrong answer to all three.

## Reference
AI Act Article 13(3)(a) and Annex IV(1)(a): identity and contact of the provider, name and version, and its relation to
earlier ones. NIST AI RMF GOVERN 1.6 and ISO/IEC 42001 A.4.2: systems and their resources are inventoried.

## Fails
The version on the card is not that of the folder, the previous version is not there, or the contact says nothing.
```yaml
version: 1.0.1
```
```yaml
previous_version: 0.9.0
```
```yaml
provider: {contact: TBD}
```

## Passes
The reference card as it is: a first version in a folder of its own.
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.rules.answers import Question, finding, unanswered
from policies.rules.card.semantic_version import precedence
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-002",
    title="the card says whose model and which version this is, and the inventory agrees",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Annex IV(1)(a)"),
        Control("eu-ai-act", "Article 13(3)(a)"),
        Control("nist-ai-rmf", "GOVERN 1.6"),
        Control("iso-42001", "A.4.2"),
        Control("sr-26-2", "inventory"),
    ),
    remediation="Keep the bundle as models/<id>/<version>, name the version before it, and say whom to contact:\n\n"
    "+ previous_version: 1.0.0\n+ provider:\n+   name: …\n+   contact: …",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The folder and its neighbours are compared with the card; that the provider can be reached is not tried."""
    card = bundle.card
    name, contact = (card.provider.name, card.provider.contact) if card.provider else (None, None)
    questions = [
        Question(("provider", "name"), name, "who puts the model into service"),
        Question(("provider", "contact"), contact, "how to reach the provider"),
    ]
    texts = (("name", card.name), ("description", card.description))
    questions += [Question((key,), text, "what the model is") for key, text in texts if text is not None]
    findings = [*unanswered(bundle, questions), *_inventory(bundle), *_previous(bundle)]
    before = f"after {card.previous_version}" if card.previous_version else "the first version there"
    return judged(findings, verified(f"{card.model_id} {card.version} lies in the inventory as such, {before}"))


def _inventory(bundle: BundleTarget) -> Iterator[Finding]:
    card = bundle.card
    if precedence(card.version) is None:
        yield finding(
            bundle, ("version",), "version is no semantic version", "such as 1.4.0 or 2.0.0-rc.1", card.version
        )
    for key, named, found in (
        ("model_id", card.model_id, bundle.folder[0]),
        ("version", card.version, bundle.folder[1]),
    ):
        if named != found:
            yield finding(
                bundle, (key,), f"{key} is not that of the folder the bundle lies in", found, named,
                f"move the bundle to models/{card.model_id}/{card.version}, or mend the card",
            )  # fmt: skip


def _previous(bundle: BundleTarget) -> Iterator[Finding]:
    own = precedence(bundle.card.version)
    if own is None:
        return
    ordered = {version: order for version in bundle.siblings if (order := precedence(version)) is not None}
    earlier = {version: order for version, order in ordered.items() if order < own}
    newest = max(earlier, key=lambda version: earlier[version], default=None)
    previous, path = bundle.card.previous_version, ("previous_version",)
    if previous is None and newest is not None:
        yield finding(bundle, path, "previous_version is missing, though an earlier version lies beside", newest)
    elif previous is not None and previous not in earlier:
        yield finding(bundle, path, "previous_version is no earlier version in the inventory", _any(newest), previous)
    elif previous != newest:
        yield finding(bundle, path, "previous_version is not the one before this", _any(newest), previous)


def _any(newest: str | None) -> str:
    return newest or "no previous_version, since none lies beside"
