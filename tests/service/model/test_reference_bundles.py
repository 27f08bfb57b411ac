# SPDX-License-Identifier: Apache-2.0
"""The committed bundles, as the service runs them: scores of the evaluation, answers of the card, exact reasons."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.bundle import Bundle, load_bundle
from service.model.model import Model
from service.prediction.schema import RequestSchema

MODELS = Path(__file__).resolve().parents[3] / "models"
BUNDLES = sorted(path.parent for path in MODELS.glob("*/*/card.yaml"))
ROWS = 200
READERS: dict[str, Callable[[str], Any]] = {
    "number": float,
    "integer": int,
    "boolean": lambda text: text == "true",
    "category": str,
    "text": str,
}


def rows_of(bundle: Bundle, file: str) -> list[dict[str, str]]:
    found = list(csv.DictReader(bundle.read(f"evidence/{file}").decode().splitlines()))
    assert found
    return found[:ROWS]


def request_of(bundle: Bundle, row: dict[str, str]) -> dict[str, Any]:
    features = {feature.name: READERS[feature.type](row[feature.name]) for feature in bundle.card.features}
    return {bundle.card.subject_field: f"C-{row['row']}", **features}


def test_both_reference_models_are_there() -> None:
    """A synthetic one and a real one."""
    assert [path.parent.name for path in BUNDLES] == ["telco-watson", "telecom-churn"]


@pytest.mark.parametrize("root", BUNDLES, ids=lambda path: path.parent.name)
def test_service_gives_the_scores_of_the_evaluation(root: Path) -> None:
    """Every evaluation row is a valid request, and what it scores is what the card's figures rest on."""
    bundle = load_bundle(root)
    model, schema, output = Model(bundle), RequestSchema(bundle.card), bundle.card.output
    for row, scored in zip(rows_of(bundle, "evaluation.csv"), rows_of(bundle, "scores.csv"), strict=True):
        instance = schema.decode(json.dumps(request_of(bundle, row)).encode())
        outcome = model.predict([instance.row])[0]
        assert outcome is not None
        assert math.isclose(outcome.score, float(scored[f"probability {output.positive}"]), abs_tol=1e-9)
        assert outcome.label == scored["answer"]


@pytest.mark.parametrize("root", BUNDLES, ids=lambda path: path.parent.name)
def test_contributions_and_baseline_are_the_logit(root: Path) -> None:
    """Reasons are exact: nothing of the score is left unexplained."""
    bundle = load_bundle(root)
    assert bundle.card.explanation is not None
    baseline = json.loads(bundle.read(bundle.card.explanation.file))["baseline"]
    model, schema = Model(bundle), RequestSchema(bundle.card)
    for row in rows_of(bundle, "evaluation.csv"):
        instance = schema.decode(json.dumps(request_of(bundle, row)).encode())
        outcome, explained = model.predict([instance.row])[0], model.explain(instance.row)
        assert outcome is not None
        assert explained is not None
        contributions = json.loads(explained.explanation)
        logit = math.log(outcome.score / (1 - outcome.score))
        assert math.isclose(baseline + sum(contributions.values()), logit, abs_tol=1e-9)
        assert len(json.loads(explained.reasons)) == min(4, len(contributions))


@pytest.mark.parametrize("root", BUNDLES, ids=lambda path: path.parent.name)
def test_scores_do_not_depend_on_who_asks_at_the_same_moment(root: Path) -> None:
    """To the last bit: every evaluation row scores alone what it scores among others, in groups of any size."""
    bundle = load_bundle(root)
    model, schema = Model(bundle), RequestSchema(bundle.card)
    rows = [
        schema.decode(json.dumps(request_of(bundle, row)).encode()).row for row in rows_of(bundle, "evaluation.csv")
    ]
    alone = [model.predict((row,))[0] for row in rows]
    for size in (2, 3, 5, 8, 31, 64, len(rows)):
        groups = [model.predict_side_by_side(rows[start : start + size]) for start in range(0, len(rows), size)]
        assert [outcome for group in groups for outcome in group] == alone
