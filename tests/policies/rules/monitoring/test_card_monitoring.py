# SPDX-License-Identifier: Apache-2.0
"""MON rules over the card: a plan, a baseline, a period or a contact that is missing or false is found."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from policies.rules.judgement import Basis
from policies.rules.monitoring import document_retention, drift_baseline, incidents, plan
from tests.policies.examples import CARDS, bundle
from tests.policies.rules.over_card import ask, said

GOOD = {"metric": "drift of inputs", "threshold": "index above 0.2", "owner": "the desk", "cadence": "weekly"}
OUTCOME = {"metric": "precision on known outcomes", "threshold": "below 0.6", "owner": "the desk", "cadence": "monthly"}
BASELINE = "evidence/drift-baseline.json"


def _plan(*monitors: dict[str, Any]) -> dict[str, Any]:
    return {"monitoring": {"monitors": list(monitors)}}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("module", [plan, drift_baseline, document_retention, incidents], ids=lambda m: m.RULE.id)
def test_the_reference_cards_pass(module: Any, card: str) -> None:
    """Neither reference card has a finding, and every pass says what it established."""
    judgement = ask(module, card=card)
    assert said(judgement) == ""
    assert judgement.note


FALSE = [
    (plan, {"monitoring": None}, "monitoring.monitors has no entry"),
    (plan, {"monitoring": {"monitors": []}}, "monitoring.monitors has no entry"),
    (plan, _plan(GOOD | {"threshold": None}, OUTCOME), "monitoring.monitors[0].threshold is missing"),
    (plan, _plan(GOOD | {"threshold": "n/a"}, OUTCOME), "monitoring.monitors[0].threshold says nothing"),
    (plan, _plan(GOOD | {"threshold": "when it is bad"}, OUTCOME), "the threshold cannot be passed (when it is bad)"),
    (plan, _plan(GOOD | {"owner": "TBD"}, OUTCOME), "monitoring.monitors[0].owner says nothing"),
    (plan, _plan(GOOD | {"owner": "Weekly."}, OUTCOME), "monitoring.monitors[0].cadence repeats"),
    (plan, _plan(GOOD, OUTCOME | {"cadence": None}), "monitoring.monitors[1].cadence is missing"),
    (plan, _plan(GOOD, OUTCOME | {"cadence": "regularly"}), "the cadence names no period (regularly)"),
    (plan, _plan(GOOD, OUTCOME, GOOD | {"metric": "Drift of inputs."}), "the metric is watched by monitor 0 already"),
    (plan, _plan(GOOD), "no monitor watches outcomes"),
    (plan, _plan(OUTCOME), "no monitor watches inputs or answers"),
    (drift_baseline, {"monitoring": None}, "monitoring.drift_baseline is missing"),
    (drift_baseline, {"monitoring": {"drift_baseline": "TBD"}}, "the drift baseline is no evidence file"),
    (drift_baseline, {"monitoring": {"drift_baseline": "evidence/labels.csv"}}, "is no drift baseline"),
    (drift_baseline, {"evaluation": {"train_rows": 1}}, "the baseline is not of the rows trained on (5290)"),
    (drift_baseline, {"evaluation": None}, "the baseline is not of the rows trained on"),
    (drift_baseline, {"output": {"labels": ["churn", "stay"]}}, "the baseline's labels are not the model's"),
    (drift_baseline, {"features": [{"name": "tenure_months", "type": "integer"}]}, "features are not the model's"),
    (document_retention, {"retention": None}, "retention.technical_file_years is missing"),
    (document_retention, {"retention": {"technical_file_years": None}}, "retention.technical_file_years is missing"),
    (document_retention, {"retention": {"technical_file_years": 9}}, "not kept long enough (9)"),
    (document_retention, {"retention": {"log_days": None}}, "retention.log_days is missing"),
    (document_retention, {"retention": {"log_days": 182}}, "logs are not kept long enough (182)"),
    (incidents, {"monitoring": None}, "monitoring.incident_contact is missing"),
    (incidents, {"monitoring": {"incident_contact": "someone"}}, "monitoring.incident_contact says nothing"),
    (incidents, {"monitoring": {"incident_process": None}}, "monitoring.incident_process is missing"),
    (
        incidents,
        {"monitoring": dict.fromkeys(("incident_contact", "incident_process"), "call the desk")},
        "monitoring.incident_process repeats monitoring.incident_contact",
    ),
    (incidents, {"eu_ai_act_classification": "High Risk"}, "names no authority to report to"),
]


@pytest.mark.parametrize(("module", "patch", "expected"), FALSE, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_missing_or_false_is_found(module: Any, patch: dict[str, Any], expected: str) -> None:
    """Each change is a finding of the rule, at its place, in these words."""
    assert expected in said(ask(module, patch))


def _renamed(baseline: dict[str, Any]) -> None:
    baseline["features"][0]["name"] = "tenure_years"


def _reordered(baseline: dict[str, Any]) -> None:
    baseline["features"].reverse()


def _retyped(baseline: dict[str, Any]) -> None:
    baseline["features"][0]["type"] = "number"


def _overfull(baseline: dict[str, Any]) -> None:
    baseline["features"][1]["shares"][0] += 0.01


def _negative(baseline: dict[str, Any]) -> None:
    baseline["labels"] = {"churn": 1.5, "retain": -0.5}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_renamed, "tenure_years: integer, tenure_months: integer"),
        (_reordered, "features are not the model's: their order"),
        (_retyped, "tenure_months: number, tenure_months: integer"),
        (_overfull, "the shares of monthly_charges do not add up to 1"),
        (_negative, "the shares of labels do not add up to 1"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_baseline_of_something_else_is_found(change: Callable[[dict[str, Any]], None], expected: str) -> None:
    """A well-formed baseline with the right digest, but of other inputs, is a finding."""
    target = bundle()
    baseline = json.loads(target.files[BASELINE])
    change(baseline)
    files = target.files | {BASELINE: json.dumps(baseline).encode()}
    changed = msgspec.structs.replace(target, files=files)
    evidence = [
        {"file": item.file, "content": item.content, "sha256": changed.digest(item.file)}
        for item in target.card.evidence or ()
    ]
    assert expected in said(ask(drift_baseline, {"evidence": evidence}, files=files))


def test_a_baseline_with_other_bytes_is_found() -> None:
    """The digest is computed before anything is read."""
    files = bundle().files
    changed = files | {BASELINE: files[BASELINE] + b"\n"}
    assert f"{BASELINE} is not the file that the card was written for" in said(ask(drift_baseline, files=changed))


def test_files_are_verified_and_texts_self_reported() -> None:
    """A pass says honestly what it rests on; the process of a high-risk system names its authority."""
    assert ask(drift_baseline).basis is Basis.VERIFIED
    assert ask(plan).basis is Basis.SELF_REPORTED
    process = "stop, keep the evidence, tell the market surveillance authority within 15 days"
    high = {"eu_ai_act_classification": "High Risk", "monitoring": {"incident_process": process}}
    assert said(ask(incidents, high)) == ""
