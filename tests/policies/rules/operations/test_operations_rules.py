# SPDX-License-Identifier: Apache-2.0
"""OPS rules: oversight, rollback, decommissioning and papers that are missing, false or contradicted are found."""

from typing import Any

import pytest

from policies.rules.operations import (
    conformity,
    decommission,
    fundamental_rights,
    instructions,
    oversight,
    rollback,
)
from tests.policies.examples import CARDS, bundle
from tests.policies.rules.over_card import ask, said

SAME = dict.fromkeys(("duty", "competence", "override", "stop"), "the operations desk")
PAPERS = {
    "assessment": {"reference": "internal control 3", "issuer": "the provider", "date": "2026-10-01"},
    "declaration": {"reference": "DoC 3", "issuer": "the provider", "date": "2026-11-02"},
    "ce_marking": {"reference": "first page of the instructions", "issuer": "the provider", "date": "2026-11-02"},
    "registration": {"reference": "EU database entry 12345", "issuer": "the provider", "date": "2026-11-03"},
}
FRIA = {"reference": "FRIA 4", "issuer": "the lending desk", "date": "2026-11-02"}
HIGH = {"eu_ai_act_classification": "High Risk", "eu_ai_act": {"annex_iii_point": "5b"}}


def _papers(**changes: dict[str, Any] | None) -> dict[str, Any]:
    changed = {key: (PAPERS[key] | (changes[key] or {})) if key in changes else paper for key, paper in PAPERS.items()}
    return HIGH | {"conformity": {key: paper for key, paper in changed.items() if changes.get(key, {}) is not None}}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", [oversight, rollback, decommission, instructions], ids=lambda m: m.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither reference card has a finding, and every pass says what it established."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note


FALSE = [
    (oversight, {"oversight": None}, "oversight.stop is missing"),
    (oversight, {"oversight": {"override": None}}, "oversight.override is missing"),
    (oversight, {"oversight": {"competence": "TBD"}}, "oversight.competence says nothing"),
    (oversight, {"oversight": SAME}, "oversight.stop repeats oversight.duty"),
    (rollback, {"rollback": None}, "rollback is missing"),
    (rollback, {"rollback": {"target": "0.9.0"}}, "rollback.target is no earlier version in the inventory (0.9.0)"),
    (rollback, {"rollback": {"target": "1.0.0"}}, "rollback.target is no earlier version in the inventory (1.0.0)"),
    (rollback, {"rollback": {"target": "n/a"}}, "rollback.target is no earlier version"),
    (rollback, {"rollback": {"fallback": None}}, "rollback.fallback is missing"),
    (rollback, {"rollback": {"fallback": "none"}}, "rollback.fallback says nothing"),
    (rollback, {"rollback": {"procedure": None}}, "rollback.procedure is missing"),
    (rollback, {"previous_version": "0.9.0"}, "there is an earlier version, but rollback.target is none"),
    (decommission, {"decommission": None}, "decommission is missing"),
    (decommission, {"decommission": "to be defined"}, "decommission says nothing"),
    (decommission, {"decommission": "Stop answering, and call no one"}, "decommission repeats rollback.fallback"),
    (fundamental_rights, HIGH, "the fundamental rights impact assessment is missing"),
    (
        fundamental_rights,
        {
            "eu_ai_act_classification": "High Risk",
            "eu_ai_act": {"annex_iii_point": "4a"},
            "provider": {"public_service": True},
        },
        "the fundamental rights impact assessment is missing",
    ),
    (
        fundamental_rights,
        {"eu_ai_act_classification": None, "provider": {"public_service": None}},
        "the fundamental rights impact assessment is missing",
    ),
    (
        fundamental_rights,
        HIGH | {"conformity": {"fundamental_rights": FRIA | {"date": "2026-11-24"}}},
        "conformity.fundamental_rights.date is in the future",
    ),
    (
        fundamental_rights,
        HIGH | {"conformity": {"fundamental_rights": FRIA | {"reference": "pending"}}},
        "conformity.fundamental_rights.reference says nothing",
    ),
    (
        fundamental_rights,
        HIGH | {"conformity": {"fundamental_rights": FRIA | {"issuer": "-"}}},
        "conformity.fundamental_rights.issuer says nothing",
    ),
    (conformity, HIGH, "the conformity assessment is missing"),
    (conformity, {"eu_ai_act_classification": None}, "the registration is missing"),
    (conformity, _papers(ce_marking=None), "the CE marking is missing"),
    (conformity, _papers(registration={"date": "2026-12-01"}), "conformity.registration.date is in the future"),
    (conformity, _papers(registration={"date": None}), "conformity.registration.date is missing"),
    (conformity, _papers(registration={"issuer": None}), "conformity.registration.issuer is missing"),
    (conformity, _papers(registration={"reference": "DoC 3"}), "registration.reference repeats conformity.declaration"),
    (conformity, _papers(declaration={"date": "2026-09-30"}), "declared before it was assessed"),
    (conformity, {"conformity": {"ce_marking": PAPERS["ce_marking"]}}, "stands beside a class below high"),
    (instructions, {"instructions_for_use": None}, "instructions_for_use is missing"),
    (instructions, {"instructions_for_use": "n/a"}, "instructions_for_use is no evidence file of the bundle"),
    (instructions, {"instructions_for_use": "https://wiki"}, "instructions_for_use is no evidence file"),
    (instructions, {"instructions_for_use": "evidence/labels.csv"}, "does not name telco-watson"),
    (instructions, {"instructions_for_use": "evidence/drift-baseline.json"}, "does not name 1.0.0"),
    (instructions, {"version": "1.0.1"}, "evidence/instructions-for-use.md does not name 1.0.1"),
    (instructions, {"model_id": "telco"}, "evidence/instructions-for-use.md does not name telco"),
]


@pytest.mark.parametrize(("module", "patch", "expected"), FALSE, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], expected: str) -> None:
    """Each change is a finding of the rule, at its place, in these words."""
    assert expected in said(ask(module, patch))


def test_a_rollback_goes_to_a_version_that_is_there_and_was_tried() -> None:
    """An earlier version beside the bundle, and a drill in the last year: not a later one, not an old drill."""
    beside = frozenset({"0.9.0", "1.1.0"})
    good = {"previous_version": "0.9.0", "rollback": {"target": "0.9.0", "drill": "2026-11-01"}}
    assert said(ask(rollback, good, siblings=beside)) == ""
    for change, expected in (
        ({"target": "1.1.0"}, "no earlier version"),
        ({"drill": None}, "rollback.drill is missing"),
        ({"drill": "2026-11-24"}, "rollback.drill is in the future"),
        ({"drill": "2025-11-22"}, "rollback.drill is too long ago"),
    ):
        patch = good | {"rollback": {"target": "0.9.0", "drill": "2026-11-01"} | change}
        assert expected in said(ask(rollback, patch, siblings=beside))
    assert "there is an earlier version" in said(ask(rollback, siblings=beside))


def test_papers_are_asked_of_high_risk_systems_alone() -> None:
    """Below high nothing is asked; with all papers a high-risk system passes; a duty names its date."""
    for module in (fundamental_rights, conformity):
        assert "below high" in (ask(module).not_applicable or "")
        assert module.RULE.duty is not None
    assert said(ask(conformity, _papers())) == ""
    assert said(ask(fundamental_rights, HIGH | {"conformity": {"fundamental_rights": FRIA}})) == ""


def test_who_need_not_assess_fundamental_rights() -> None:
    """Critical infrastructure, and private providers outside points 5b and 5c."""
    power = {"eu_ai_act_classification": "High Risk", "eu_ai_act": {"annex_iii_point": "2a"}}
    work = {"eu_ai_act_classification": "High Risk", "eu_ai_act": {"annex_iii_point": "4a"}}
    assert "critical infrastructure" in (ask(fundamental_rights, power).not_applicable or "")
    assert "no public service" in (ask(fundamental_rights, work).not_applicable or "")


def test_instructions_that_say_nothing_are_found() -> None:
    """A file that only names the model is no instruction."""
    file = "evidence/instructions-for-use.md"
    files = bundle().files | {file: b"telco-watson 1.0.0: use with care"}
    assert f"{file} holds too few words to be instructions" in said(ask(instructions, files=files))
