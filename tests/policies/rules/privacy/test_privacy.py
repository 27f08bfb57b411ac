# SPDX-License-Identifier: Apache-2.0
"""What a card says of decisions and identifiers is held against the rest of the card."""

from types import ModuleType
from typing import Any

import pytest

from policies.rules.judgement import Basis
from policies.rules.privacy import automated_decision, prior_authorisation
from policies.rules.privacy.family import MODULES
from tests.policies.examples import CARDS, bundle, run

ALONE: dict[str, Any] = {"privacy": {"significant_effect": True}, "oversight": {"solely_automated": True}}
NUMBER = {"name": "contact", "type": "text", "description": "the customer's phone number"}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_the_reference_bundles_pass_and_only_by_their_own_word(module: ModuleType, card: str) -> None:
    """Nothing but the card bears it out, and the judgement says so."""
    judgement = module.check(bundle(card=card), run())
    assert judgement.findings == ()
    assert judgement.basis is Basis.SELF_REPORTED


@pytest.mark.parametrize(
    ("module", "patch", "messages"),
    [
        (automated_decision, {"privacy": None}, ["significant_effect is missing", "logic_notice is missing"]),
        (automated_decision, {"oversight": {"solely_automated": None}}, ["solely_automated is missing"]),
        (automated_decision, {"oversight": {"override": "n/a"}}, ["oversight.override says nothing"]),
        (automated_decision, {"privacy": {"logic_notice": "TBD"}}, ["logic_notice says nothing"]),
        (automated_decision, {"eu_ai_act": {"annex_iii_point": "4a"}}, ["point 4a of Annex III is said"]),
        (automated_decision, {**ALONE, "explanation": None}, ["comes without reasons"]),
        (
            automated_decision,
            {**ALONE, "legal_references": [{"source": "POPIA", "point": "section 14"}]},
            ["no legal reference names the ground"],
        ),
        (
            automated_decision,
            {"privacy": {"significant_effect": True}, "oversight": {"solely_automated": True, "contest": "none"}},
            ["oversight.contest says nothing"],
        ),
        (prior_authorisation, {"privacy": None}, ["credit_reporting is missing", "unique_identifiers is missing"]),
        (prior_authorisation, {"eu_ai_act": {"annex_iii_point": "5b"}}, ["denies privacy.credit_reporting"]),
        (prior_authorisation, {"intended_use": ["approve small loans"]}, ["denies privacy.credit_reporting"]),
        (prior_authorisation, {"features": [NUMBER]}, ["denies privacy.unique_identifiers"]),
        (prior_authorisation, {"privacy": {"credit_reporting": True}}, ["no prior authorisation is named"]),
        (
            prior_authorisation,
            {"privacy": {"unique_identifiers": True, "prior_authorisation": "pending"}},
            ["no prior authorisation is named"],
        ),
    ],
)
def test_what_is_missing_or_contradicted_is_found(
    module: ModuleType, patch: dict[str, Any], messages: list[str]
) -> None:
    """Each finding stands at the value, or where it would have to stand."""
    found = module.check(bundle(patch), run()).findings
    for message in messages:
        assert any(message in finding.message for finding in found), found
    assert all(finding.place.file.endswith("card.yaml") for finding in found)


def test_a_weighty_decision_with_everything_it_needs_passes() -> None:
    """The reference card names GDPR Article 22, a way to contest, and gives reasons."""
    assert automated_decision.check(bundle(ALONE), run()).findings == ()


def test_an_authorisation_that_is_named_is_taken_at_its_word() -> None:
    """Whether it was given is the Regulator's to say."""
    patch = {"privacy": {"credit_reporting": True, "prior_authorisation": "notice 2026/117 of the Regulator"}}
    assert prior_authorisation.check(bundle(patch), run()).findings == ()
