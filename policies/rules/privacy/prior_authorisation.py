# SPDX-License-Identifier: Apache-2.0
"""PRIV-002: credit reporting, and identifiers put to another use, have the Regulator's prior authorisation.

## What it checks
The card says whether the model is used for credit reporting, and whether it links unique identifiers for another
purpose than they were collected for. If either is so, it names the authorisation. Neither may be denied where the rest
of the card shows it: point 5b of Annex III and an intended use that speaks of credit; a feature that by its name or
description is an identity number, a passport, an account or a telephone number.

## Why
POPIA asks for the authorisation before such processing starts. Afterwards it is too late to ask.

## Reference
POPIA Sections 57 and 58.

## Fails
Credit by its use, and not by its answer:
```yaml
intended_use: [decide on credit lines of existing customers]
```
An identifier among the features:
```yaml
features:
  - {name: national_id, type: text, description: the customer's identity number}
```

## Passes
```yaml
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.rules.answers import Path, finding
from policies.rules.judgement import Finding, Judgement, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain, says_nothing
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="PRIV-002",
    title="credit reporting, and identifiers put to another use, have the Regulator's prior authorisation",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(Control("popia", "Section 57"), Control("popia", "Section 58")),
    remediation=(
        "Say what is the case, and name the authorisation where one is needed:\n\n+ privacy:\n"
        "+   credit_reporting: true\n+   unique_identifiers: false\n+   prior_authorisation: <reference of the notice>"
    ),
)
_CREDIT: Final = re.compile(
    r"\b(credit (line|limit|report|scor|rat|worth|risk|check|bureau)\w*|creditworthiness|loans?|lending)"
)
_IDENTIFIER: Final = re.compile(
    r"\b(identity (number|document)|id (number|no)|national id\w*|passport\w*|social security|tax (number|id)|iban|ssn|"
    r"(bank )?account (number|no)|(tele)?phone number|msisdn|licen[cs]e (number|plate))\b"
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Ask for both facts, hold them against the rest of the card, then ask for the authorisation."""
    privacy = bundle.card.privacy
    facts = {
        "credit_reporting": None if privacy is None else privacy.credit_reporting,
        "unique_identifiers": None if privacy is None else privacy.unique_identifiers,
    }
    shown = {"credit_reporting": list(_credit(bundle)), "unique_identifiers": list(_identifiers(bundle))}
    found: list[Finding] = []
    for key, fact in facts.items():
        if fact is None:
            found.append(finding(bundle, ("privacy", key), f"privacy.{key} is missing", "true or false"))
        for path, text in shown[key] if fact is False else ():
            message = f"the card speaks of {text!r} here, and denies privacy.{key}"
            found.append(finding(bundle, path, message, f"privacy.{key}: true, or another word here", text))
    given = None if privacy is None else privacy.prior_authorisation
    if any(facts.values()) and says_nothing(given):
        path = ("privacy", "prior_authorisation")
        found.append(finding(bundle, path, "no prior authorisation is named", "the Regulator's reference", given))
    why = "no authorisation is needed" if not any(facts.values()) else "an authorisation is named"
    return judged(found, self_reported(f"as far as the card says, {why}"))


def _credit(bundle: BundleTarget) -> Iterator[tuple[Path, str]]:
    act = bundle.card.eu_ai_act
    if act is not None and act.annex_iii_point == "5b":
        yield ("eu_ai_act", "annex_iii_point"), "5b"
    for index, use in enumerate(bundle.card.intended_use or ()):
        match = _CREDIT.search(plain(use))
        if match is not None:
            yield ("intended_use", index), match[0]


def _identifiers(bundle: BundleTarget) -> Iterator[tuple[Path, str]]:
    for index, feature in enumerate(bundle.card.features):
        for key, text in (("name", feature.name.replace("_", " ")), ("description", feature.description or "")):
            match = _IDENTIFIER.search(plain(text))
            if match is not None:
                yield ("features", index, key), match[0]
                break
