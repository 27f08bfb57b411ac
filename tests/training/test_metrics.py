# SPDX-License-Identifier: Apache-2.0
"""Figures equal those of scikit-learn, computed independently."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from contracts.model_card_evidence import Metric
from training.description import Training
from training.metrics import Answers, answer, calibration_error, metrics, roc_auc

TRAINING = Training(resamples=100, seed=5)


def _answers(labels: tuple[str, ...], positive: str | None, threshold: float | None, rows: int = 400) -> Answers:
    draw = np.random.default_rng(11)
    probabilities = draw.dirichlet(np.ones(len(labels)), rows).round(2 if positive else 12)
    if positive:
        probabilities[:, 1] = 1 - probabilities[:, 0]  # rounded, so that scores tie
    weights = probabilities.cumsum(axis=1)
    true = np.array([labels[int((draw.random() > row).sum()) % len(labels)] for row in weights], dtype=object)
    return answer(labels, probabilities, true, positive, threshold)


@pytest.mark.parametrize("threshold", [0.2, 0.5])
@pytest.mark.parametrize("positive", ["churn", "retain"])
def test_two_labels(positive: str, threshold: float) -> None:
    """Accuracy, precision, recall, ROC AUC with ties and Brier of the positive label, whichever it is."""
    answers = _answers(("churn", "retain"), positive, threshold)
    found = metrics(answers, TRAINING)
    true, given = answers.true == answers.positive, answers.given == answers.positive
    scores = answers.probabilities[:, answers.labels.index(positive)]
    expected = {
        "accuracy": oracle.accuracy_score(true, given),
        "precision": oracle.precision_score(true, given),
        "recall": oracle.recall_score(true, given),
        "roc_auc": oracle.roc_auc_score(true, scores),
        "brier": oracle.brier_score_loss(true, scores),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
    assert set(found) == {*expected, "ece"}
    assert (found["precision"].n, found["recall"].n) == (int(given.sum()), int(true.sum()))
    assert (given == (scores >= threshold)).all()


def test_more_labels() -> None:
    """Figures over several labels are macro means, and named so."""
    answers = _answers(("a", "b", "c"), None, None)
    found = metrics(answers, TRAINING)
    one_hot = np.eye(3)[answers.true]
    expected = {
        "accuracy": oracle.accuracy_score(answers.true, answers.given),
        "macro_precision": oracle.precision_score(answers.true, answers.given, average="macro"),
        "macro_recall": oracle.recall_score(answers.true, answers.given, average="macro"),
        "macro_roc_auc": oracle.roc_auc_score(answers.true, answers.probabilities, multi_class="ovr"),
        "brier_multiclass": float(((answers.probabilities - one_hot) ** 2).sum(axis=1).mean()),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
    assert set(found) == {*expected, "top_label_ece"}


@pytest.mark.parametrize("labels", [("churn", "retain"), ("a", "b", "c")])
def test_every_figure_has_an_interval_and_rows(labels: tuple[str, ...]) -> None:
    """No figure stands alone: bounds in order, n of at least one, and how the interval was made."""
    positive = labels[0] if len(labels) == 2 else None

    def complete(metric: Metric) -> bool:
        ordered = metric.low is not None and metric.high is not None and 0 <= metric.low <= metric.high <= 2
        return ordered and bool(metric.n) and metric.interval in ("wilson", "stratified bootstrap")

    found = metrics(_answers(labels, positive, 0.5 if positive else None), TRAINING)
    assert all(complete(metric) for metric in found.values())


def test_roc_auc_of_a_known_case() -> None:
    """Three of four pairs in order and one tie give 3.5 / 4... counted by hand."""
    assert roc_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True])) == 3.5 / 4


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.1 and 0.3 with one hit, 0.9 with one hit; a score of exactly 1 falls in the last bin."""
    scores, hits = np.array([0.1, 0.3, 0.9, 1.0]), np.array([False, True, True, True])
    assert calibration_error(scores, hits, 2) == pytest.approx((abs(0.4 - 1) + abs(1.9 - 2)) / 4)


def test_a_label_never_answered_lowers_macro_precision() -> None:
    """Its precision counts as 0; leaving it out would flatter the model."""
    probabilities = np.tile([0.6, 0.3, 0.1], (6, 1))
    true = np.array(["a", "b", "c"] * 2, dtype=object)
    found = metrics(answer(("a", "b", "c"), probabilities, true, None, None), TRAINING)
    assert found["macro_precision"].value == pytest.approx(1 / 9)
