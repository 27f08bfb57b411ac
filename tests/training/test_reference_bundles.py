# SPDX-License-Identifier: Apache-2.0
"""The committed bundles are what their recipes give, and their figures follow from their evidence alone."""

import csv
import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from sklearn import metrics as oracle
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contracts.bundle import Bundle, load_bundle
from contracts.model_card import ModelCard
from training.equivalence import probabilities
from training.explanation import explained
from training.pipeline import train
from training.recipe import load_recipe
from training.release import release
from training.rows import Rows, Table, record_digest, to_rows

MODELS = Path(__file__).parents[2] / "models"
NAMES = ("telecom-churn", "telco-watson")
each = pytest.mark.parametrize("name", NAMES)


def _bundle(name: str) -> Bundle:
    return load_bundle(MODELS / name / "1.0.0")


def _csv(bundle: Bundle, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(bundle.read(f"evidence/{file}").decode(), newline="")))


def _evaluation(bundle: Bundle) -> Rows:
    read: dict[str, Any] = {"number": float, "integer": int, "boolean": "true".__eq__, "category": str}
    records = _csv(bundle, "evaluation.csv")
    columns = {f.name: [read[f.type](record[f.name]) for record in records] for f in bundle.card.features}
    return to_rows(Table(columns, [row["label"] for row in _csv(bundle, "labels.csv")]), bundle.card.features)


def _figures(card: ModelCard) -> dict[str, float]:
    """Every number that was measured, by its path."""

    def walk(path: str, value: Any) -> dict[str, float]:
        if isinstance(value, dict):
            return {p: v for key, item in value.items() for p, v in walk(f"{path}.{key}", item).items()}
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        return {path: value} if numeric else {}

    plain = msgspec.to_builtins(card)
    equal = plain["evaluation"].pop("equivalence")
    assert equal["max_difference"] <= equal["tolerance"]
    return {p: v for part in ("evaluation", "metrics", "fairness") for p, v in walk(part, plain[part]).items()}


@each
def test_training_again_gives_the_same_figures(name: str) -> None:
    """Every figure on the committed card is that of a new run, to 1e-9, wherever it runs."""
    assert _figures(train(load_recipe(name)).card) == pytest.approx(_figures(_bundle(name).card), abs=1e-9)


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """No clock, path, order or unseeded chance enters a bundle."""
    first = release(train(load_recipe("telecom-churn")), tmp_path / "a")
    second = release(train(load_recipe("telecom-churn")), tmp_path / "b")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 10
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    assert str(tmp_path).encode() not in b"".join((first / file).read_bytes() for file in files)


@each
def test_the_card_names_the_opset_of_its_artifact(name: str) -> None:
    """The opset on the card is the one that a runtime needs to read the artifact."""
    bundle = _bundle(name)
    versions = [
        entry.version for entry in onnx.load_from_string(bundle.artifact_bytes).opset_import if not entry.domain
    ]
    assert versions == [bundle.card.artifact.opset]


@each
def test_the_card_pins_the_recipe_and_the_documents(name: str) -> None:
    """The recipe's digest is that of its file, and the documents in the bundle are those beside it, byte for byte."""
    bundle = _bundle(name)
    lineage = bundle.card.lineage
    assert lineage is not None
    assert lineage.recipe is not None
    recipe = MODELS.parent / lineage.recipe
    assert lineage.recipe_sha256 == hashlib.sha256(recipe.read_bytes()).hexdigest()
    for document in ("validation-report.md", "instructions-for-use.md"):
        assert bundle.read(f"evidence/{document}") == recipe.with_name(document).read_bytes()


@each
def test_the_artifact_gives_the_recorded_scores(name: str) -> None:
    """Anyone with the bundle can produce its scores again from the evaluation rows."""
    bundle = _bundle(name)
    recorded = [
        [float(row[f"probability {label}"]) for label in bundle.card.output.labels]
        for row in _csv(bundle, "scores.csv")
    ]
    assert np.abs(probabilities(bundle.artifact_bytes, _evaluation(bundle)) - recorded).max() < 1e-12


@each
def test_the_metrics_follow_from_labels_and_scores(name: str) -> None:
    """The card's figures are scikit-learn's over the evidence files, read without our code for metrics."""
    bundle = _bundle(name)
    metrics = bundle.card.metrics
    assert metrics is not None
    true = np.array([row["label"] == "churn" for row in _csv(bundle, "labels.csv")])
    scores = np.array([float(row["probability churn"]) for row in _csv(bundle, "scores.csv")])
    given = np.array([row["answer"] == "churn" for row in _csv(bundle, "scores.csv")])
    assert (given == (scores >= 0.5)).all()
    expected = {
        "accuracy": oracle.accuracy_score(true, given),
        "precision": oracle.precision_score(true, given),
        "recall": oracle.recall_score(true, given),
        "roc_auc": oracle.roc_auc_score(true, scores),
        "brier": oracle.brier_score_loss(true, scores),
    }
    assert {key: metrics[key].value for key in expected} == pytest.approx(expected, abs=1e-9)


@each
def test_the_thresholds_of_the_card_are_kept(name: str) -> None:
    """A reference model that misses what its own card demands is not released."""
    card = _bundle(name).card
    assert card.thresholds
    assert card.metrics is not None
    for bound in card.thresholds:
        fairness = (card.fairness and card.fairness.attributes) or {}
        metric = getattr(fairness[bound.attribute], bound.metric) if bound.attribute else card.metrics[bound.metric]
        assert (bound.minimum is not None) != (bound.maximum is not None)
        assert bound.minimum is None or metric.value >= bound.minimum, bound
        assert bound.maximum is None or metric.value <= bound.maximum, bound


@each
def test_reasons_add_up_to_the_score(name: str) -> None:
    """Baseline and contributions give the log-odds of the served score to 1e-9 on every evaluation row."""
    bundle = _bundle(name)
    assert bundle.card.explanation is not None
    explanation = json.loads(bundle.read(bundle.card.explanation.file))
    rows = _evaluation(bundle)
    scores = probabilities(bundle.artifact_bytes, rows)[:, bundle.card.output.labels.index("churn")]
    log_odds = [math.log(score / (1 - score)) for score in scores]
    assert np.abs(explained(explanation, rows.matrix()) - log_odds).max() < 1e-9
    assert [part["name"] for part in explanation["features"]] == [feature.name for feature in bundle.card.features]


@each
def test_no_evaluation_row_was_trained_on(name: str) -> None:
    """The digests of the training rows and those of the evaluation rows have nothing in common."""
    bundle = _bundle(name)
    trained = bundle.read("evidence/training-rows.txt").decode().split()
    assert bundle.card.evaluation is not None
    assert len(trained) == bundle.card.evaluation.train_rows
    assert not set(trained) & {record_digest(record) for record in _evaluation(bundle).records()}


def test_protected_attributes_are_evaluated_and_no_features() -> None:
    """telco-watson measures gender and senior citizenship, and the model cannot see them."""
    card = _bundle("telco-watson").card
    assert card.fairness is not None
    assert card.fairness.attributes is not None
    assert set(card.fairness.attributes) == {"gender", "senior_citizen", "gender and senior_citizen"}
    assert not {"gender", "female", "senior_citizen", "partner", "dependents"} & {f.name for f in card.features}
    assert card.evaluation is not None
    assert (card.evaluation.train_rows or 0) + (card.evaluation.evaluation_rows or 0) == 7043


def test_a_card_without_protected_attributes_says_so() -> None:
    """telecom-churn has no groups: no figure is invented, and the reason is given."""
    fairness = _bundle("telecom-churn").card.fairness
    assert fairness is not None
    assert fairness.attributes is None
    assert "no protected attribute" in (fairness.not_measured or "")


@pytest.mark.parametrize(("tenure", "complaints", "label"), [(1.0, 5.0, "churn"), (60.0, 0.0, "retain")])
def test_telecom_churn_answers_the_two_known_accounts(tenure: float, complaints: float, label: str) -> None:
    """A new account with five complaints leaves, an old one without stays, whatever it pays."""
    bundle = _bundle("telecom-churn")
    accounts = [
        [tenure, monthly, total, complaints] for monthly in (20.0, 85.0, 150.0) for total in (20.0, 5000.0, 10000.0)
    ]
    columns = dict(zip((f.name for f in bundle.card.features), np.array(accounts).T.tolist(), strict=True))
    rows = to_rows(Table(columns, [label] * len(accounts)), bundle.card.features)
    score = probabilities(bundle.artifact_bytes, rows)[:, bundle.card.output.labels.index("churn")]
    assert ((score >= 0.5) == (label == "churn")).all()


def test_telecom_churn_draws_the_published_accounts() -> None:
    """2,000 accounts of default_rng(42), column by column, with the rule's labels, written here a second time."""
    generator = np.random.default_rng(42)
    tenure, monthly = generator.uniform(1, 72, 2000), generator.uniform(20, 150, 2000)
    total, complaints = generator.uniform(20, 10000, 2000), generator.integers(0, 8, 2000)
    churn = (complaints >= 3) | ((tenure < 6) & (monthly > 80))
    table = load_recipe("telecom-churn").load()
    assert list(table.columns["tenure_months"]) == tenure.tolist()
    assert list(table.columns["total_charges"]) == total.tolist()
    assert [label == "churn" for label in table.labels] == churn.tolist()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, random_state=42))
    matrix = np.column_stack([tenure, monthly, total, complaints])
    ours = load_recipe("telecom-churn").estimator().fit(matrix, np.array(table.labels))
    theirs = pipeline.fit(matrix, churn.astype(int))
    assert np.abs(ours.predict_proba(matrix)[:, 0] - theirs.predict_proba(matrix)[:, 1]).max() < 1e-6
