# SPDX-License-Identifier: Apache-2.0
"""TIER rules: a class or a tier that is missing, unreadable or contradicted by the card's own facts is found."""

import datetime as dt
from typing import Any

import pytest

from policies.rules.judgement import Basis
from policies.rules.rule import Severity
from policies.rules.tier import disclosure, exemption, high_risk, law_age, least_tier, prohibited, role
from policies.rules.tier.purpose import ANNEX_III, ANNEX_III_POINTS, ARTICLE_50, named_areas
from tests.policies.examples import CARDS, bundle
from tests.policies.rules.over_card import ask, said

RECORD = {
    "ground": "6(3)(a)", "assessor": "the legal desk", "date": "2026-11-20", "registration": "EU database, entry 12345",
    "reason": "it only sorts files by their type before people read them",
}  # fmt: skip
EXEMPT = {"annex_iii_point": "4a", "profiling": False, "exemption": RECORD}
HIGH = {"eu_ai_act_classification": "High Risk", "eu_ai_act": {"annex_iii_point": "5b"}}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "module", [prohibited, high_risk, least_tier, role, disclosure, law_age], ids=lambda module: module.RULE.id
)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither reference card has a finding, and every pass says what it established."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note


FALSE = [
    (prohibited, {"eu_ai_act": {"screening": {"date": "2025-11-22"}}}, "screening.date is too long ago"),
    (prohibited, {"eu_ai_act_classification": None}, "eu_ai_act_classification is missing"),
    (prohibited, {"eu_ai_act_classification": "n/a"}, "eu_ai_act_classification is no class of the AI Act (n/a)"),
    (prohibited, {"eu_ai_act_classification": "Medium Risk"}, "no class of the AI Act"),
    (prohibited, {"eu_ai_act_classification": "Prohibited"}, "a prohibited system may not be released"),
    (prohibited, {"eu_ai_act": None}, "eu_ai_act.screening is missing"),
    (prohibited, {"eu_ai_act": {"screening": None}}, "eu_ai_act.screening is missing"),
    (prohibited, {"eu_ai_act": {"screening": {"date": "2026-11-24"}}}, "eu_ai_act.screening.date is in the future"),
    (prohibited, {"eu_ai_act": {"screening": {"reason": "none"}}}, "eu_ai_act.screening.reason says nothing"),
    (prohibited, {"eu_ai_act": {"screening": {"prohibited_practice": True}}}, "a prohibited practice may not be"),
    (prohibited, {"eu_ai_act": {"screening": {"answers": None}}}, "have no answer: 5(1)(a), 5(1)(b), 5(1)(c)"),
    (prohibited, {"eu_ai_act": {"screening": {"answers": {"5(1)(c)": None}}}}, "have no answer: 5(1)(c)"),
    (prohibited, {"eu_ai_act": {"screening": {"answers": {"5(1)(c)": True}}}}, "the practice of 5(1)(c) may not"),
    (prohibited, {"eu_ai_act": {"screening": {"answers": {"5(1)(z)": False}}}}, "5(1)(z) is no practice of Article 5"),
    (high_risk, {"eu_ai_act": None}, "eu_ai_act is missing"),
    (high_risk, {"eu_ai_act": {"annex_iii_point": None}}, "eu_ai_act.annex_iii_point is missing"),
    (high_risk, {"eu_ai_act": {"annex_iii_point": "5e"}}, "this is no point of Annex III (5e)"),
    (high_risk, {"eu_ai_act": {"annex_iii_point": "n/a"}}, "this is no point of Annex III (n/a)"),
    (high_risk, {"eu_ai_act": {"annex_iii_point": "5b"}}, "point 5b of Annex III makes the system high-risk"),
    (high_risk, {"eu_ai_act": {"annex_iii_point": "Point 5b"}}, "point 5b of Annex III makes the system high-risk"),
    (high_risk, {"eu_ai_act": {"annex_i_product": None}}, "eu_ai_act.annex_i_product is missing"),
    (high_risk, {"eu_ai_act": {"annex_i_product": "machinery"}}, "a safety component of a product of Annex I is"),
    (high_risk, {"eu_ai_act": {"profiling": None}}, "eu_ai_act.profiling is missing"),
    (high_risk, {"eu_ai_act": EXEMPT | {"profiling": True}}, "that profiles people is never exempt"),
    (high_risk, {"eu_ai_act_classification": "High Risk"}, "neither a point of Annex III nor a product of Annex I"),
    (high_risk, {"intended_use": ["Credit-scoring of new customers"]}, "names `credit scoring` (creditworthiness"),
    (high_risk, {"description": "Ranks job applicants by their answers."}, "names `job applicants` (recruitment"),
    (
        high_risk,
        {"eu_ai_act_classification": "Minimal Risk", "intended_use": ["grade students in maths"]},
        "point 3b), but no point",
    ),
    (exemption, {"eu_ai_act": {"annex_iii_point": "4a"}}, "point 4a of Annex III has no record of exemption"),
    (exemption, {"eu_ai_act": EXEMPT | {"annex_iii_point": "none"}}, "the exemption is from no point of Annex III"),
    (exemption, {"eu_ai_act_classification": "High Risk", "eu_ai_act": EXEMPT}, "stands beside the class high"),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"ground": "e"}}}, "the ground is none of Article 6(3)"),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"date": "2026-11-24"}}}, "date is in the future"),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"date": None}}}, "exemption.date is missing"),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"registration": None}}}, "registration is missing"),
    (
        exemption,
        {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"registration": "pending"}}},
        "registration says nothing",
    ),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"assessor": "n/a"}}}, "assessor says nothing"),
    (exemption, {"eu_ai_act": EXEMPT | {"exemption": RECORD | {"reason": "The legal desk."}}}, "repeats"),
    (least_tier, {"governance_tier": None}, "governance_tier is missing"),
    (least_tier, {"governance_tier": "Tier 3"}, "governance_tier is none of the three levels (Tier 3)"),
    (least_tier, {"governance_tier": "Low Risk"}, "the tier is too low for exposure medium and purpose low (Low Risk)"),
    (least_tier, {"governance_tier": "Low Risk"}, "the tier is too low for profiling of people"),
    (least_tier, HIGH, "the tier is too low for class high of the AI Act"),
    (least_tier, {"privacy": {"significant_effect": True}}, "too low for answers with significant effects"),
    (least_tier, {"materiality": None}, "materiality.exposure is missing"),
    (least_tier, {"materiality": {"purpose": "some"}}, "materiality.purpose is none of the three levels"),
    (least_tier, {"materiality": {"reason": "see above"}}, "materiality.reason says nothing"),
    (least_tier, {"governance_reason": None}, "governance_reason is missing"),
    (role, {"provider": None}, "provider.role is missing"),
    (role, {"provider": {"role": "vendor"}}, "provider.role is no role of the AI Act (vendor)"),
    (role, {"provider": {"public_service": None}}, "provider.public_service is missing"),
    (role, {"owners": None}, "owners has no entry"),
    (role, {"owners": [{"duty": "answers", "holder": "TBD"}]}, "owners[0].holder says nothing"),
    (role, {"owners": [{"duty": "the owner", "holder": "The owner"}]}, "owners[0].holder repeats owners[0].duty"),
    (role, {"instructions_for_use": None}, "a provider's card has to have this"),
    (role, {"evaluation": {"validation": None}}, "a provider's card has to have this"),
    (role, {"provider": {"role": "deployer"}, "oversight": None}, "a deployer's card has to have this"),
    (role, {"provider": {"role": "provider and deployer"}, "retention": None}, "a deployer's card has to have this"),
    (disclosure, {"eu_ai_act": None}, "eu_ai_act.article_50 is missing"),
    (disclosure, {"eu_ai_act": {"article_50": None}}, "eu_ai_act.article_50 is missing"),
    (disclosure, {"eu_ai_act": {"article_50": ["50(7)"]}}, "50(7) is no point of Article 50"),
    (disclosure, {"eu_ai_act": {"disclosure": None}}, "eu_ai_act.disclosure.text is missing"),
    (disclosure, {"eu_ai_act": {"disclosure": {"channel": None}}}, "eu_ai_act.disclosure.channel is missing"),
    (disclosure, {"eu_ai_act": {"disclosure": {"text": "to be done"}}}, "eu_ai_act.disclosure.text says nothing"),
    (
        disclosure,
        {"eu_ai_act_classification": "Minimal Risk", "eu_ai_act": {"article_50": ["50(1)"]}},
        "Article 50 applies, so the class is not minimal (Minimal Risk)",
    ),
    (
        disclosure,
        {"eu_ai_act_classification": "Minimal Risk", "intended_use": ["a chatbot for customers"]},
        "names `chatbot`, but 50(1) is not listed",
    ),
    (law_age, {"eu_ai_act": {"law_as_of": None}}, "eu_ai_act.law_as_of is missing"),
    (law_age, {"eu_ai_act": {"law_as_of": "2026-11-24"}}, "eu_ai_act.law_as_of is in the future"),
    (law_age, {"eu_ai_act": {"law_as_of": "2025-11-22"}}, "eu_ai_act.law_as_of is too long ago"),
]


@pytest.mark.parametrize(("module", "patch", "expected"), FALSE, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], expected: str) -> None:
    """Each change is a finding of the rule, at its place, in these words."""
    assert expected in said(ask(module, patch))


@pytest.mark.parametrize("module", [prohibited, high_risk, least_tier], ids=lambda module: module.RULE.id)
def test_class_and_tier_stop_a_release_and_cannot_be_waived(module: Any) -> None:
    """A missing or contradicted class or tier blocks under every profile."""
    assert module.RULE.severity is Severity.CRITICAL
    assert not module.RULE.waivable


def test_a_practice_is_asked_for_from_the_day_it_is_prohibited() -> None:
    """Points (ba) and (bb) of Article 5(1) may be open until 2026-12-01 and must be answered from 2026-12-02."""
    patch = {"eu_ai_act": {"screening": {"answers": {"5(1)(ba)": None, "5(1)(bb)": None}}}}
    assert said(ask(prohibited, patch, as_of=dt.date(2026, 12, 1))) == ""
    later = said(ask(prohibited, patch, as_of=dt.date(2026, 12, 2)))
    assert "have no answer: 5(1)(ba), 5(1)(bb)" in later


def test_a_finding_names_the_line_of_the_value() -> None:
    """An editor opens the card at the class that is wrong."""
    patch = {"eu_ai_act_classification": "Medium Risk"}
    line, column = bundle(patch).document.keys[("eu_ai_act_classification",)]
    place = ask(prohibited, patch).findings[0].place
    assert (place.file, place.line, place.column) == ("models/telco-watson/1.0.0/card.yaml", line, column)


def test_every_point_of_annex_iii_makes_the_class_high() -> None:
    """No point passes beside limited; each passes beside high."""
    assert len(ANNEX_III_POINTS) == len(set(ANNEX_III_POINTS)) == 25
    for point in ANNEX_III_POINTS[::6]:
        assert "makes the system high-risk" in said(ask(high_risk, {"eu_ai_act": {"annex_iii_point": point}}))
        high = {"eu_ai_act_classification": "High Risk", "eu_ai_act": {"annex_iii_point": point}}
        assert said(ask(high_risk, high)) == ""


def test_a_recorded_exemption_without_profiling_holds() -> None:
    """With a whole record and no profiling a point may stand beside limited."""
    assert said(ask(high_risk, {"eu_ai_act": EXEMPT})) == ""
    recorded = ask(exemption, {"eu_ai_act": EXEMPT})
    assert said(recorded) == ""
    assert recorded.basis is Basis.SELF_REPORTED
    assert ask(exemption).not_applicable == "no exemption is claimed, and none is needed"


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("identify people by facial recognition", "1a"), ("Emotion recognition in calls", "1c"),
        ("road-traffic management", "2a"), ("university admissions", "3a"), ("scores essays", "3b"),
        ("exam results", "3b"), ("online proctoring", "3d"), ("CV screening", "4a"), ("shortlists candidates", "4a"),
        ("performance of employees", "4b"), ("eligibility for benefits", "5a"), ("unemployment benefits", "5a"),
        ("creditworthiness", "5b"), ("credit worthiness", "5b"), ("loan default", "5b"), ("approve mortgages", "5b"),
        ("pricing of health insurance", "5c"), ("triage emergency calls", "5d"), ("recidivism", "6d"),
        ("asylum claims", "7b"), ("sentencing", "8a"), ("voting behaviour", "8b"),
    ],
)  # fmt: skip
def test_a_purpose_that_names_an_area_is_asked_about(text: str, point: str) -> None:
    """The words of Annex III are found where the card says what the model does."""
    assert f"point {point})" in said(ask(high_risk, {"intended_use": ["something else", text]}))


def test_every_text_on_what_the_model_does_is_read() -> None:
    """Name, description, uses and the answer's meaning are read; what is out of scope is not held against a card."""
    text = "credit scoring"
    for patch in ({"intended_use": [text]}, {"description": text}, {"name": text}, {"output": {"description": text}}):
        assert [named.area.point for named in named_areas(bundle(patch), ANNEX_III)] == ["5b"]
    assert said(ask(high_risk, {"out_of_scope_use": [text]})) == ""


@pytest.mark.parametrize(
    "text",
    [
        "rank customers for an offer", "selections of accounts", "migration to another tariff", "credit card payments",
        "detect payment fraud", "churn of customers of health insurance", "synthetic accounts", "animal welfare",
    ],
)  # fmt: skip
def test_other_purposes_are_left_alone(text: str) -> None:
    """Words that only resemble an area ask nothing."""
    assert list(named_areas(bundle({"intended_use": [text]}), (*ANNEX_III, *ARTICLE_50))) == []


def test_article_50_asks_nothing_where_nothing_applies() -> None:
    """A minimal class without a point has no duty of disclosure."""
    judgement = ask(disclosure, {"eu_ai_act_classification": "Minimal Risk"})
    assert judgement.not_applicable == "no point of Article 50 applies, and the class is not limited"


def test_the_law_pack_ages() -> None:
    """On the ninetieth day the pack holds, on the next each of its files is a finding; before it was read, too."""
    day = dt.date(2026, 11, 23)
    assert said(ask(law_age, as_of=day + dt.timedelta(days=90))) == ""
    late = said(ask(law_age, as_of=day + dt.timedelta(days=91)))
    assert "policies/law/eu-ai-act.toml:1:1" in late
    assert "policies/law/gdpr.toml:1:1" in said(ask(law_age, as_of=day - dt.timedelta(days=1)))
