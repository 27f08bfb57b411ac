# SPDX-License-Identifier: Apache-2.0
"""Figures are those of scikit-learn and of training, whatever the data."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from contracts.model_card import Output
from policies.recomputation.figures import Answered, answered, performance
from policies.recomputation.intervals import Sampling
from training.description import Training
from training.metrics import answer as trained_answer
from training.metrics import metrics as trained_metrics

BINARY = Output(labels=("churn", "retain"), positive="churn", threshold=0.5)
THREE = Output(labels=("a", "b", "c"))


@st.composite
def samples(draw: st.DrawFn, labels: int = 2) -> tuple[Any, Any]:
    """Probabilities, many of them equal, and true labels of which each occurs."""
    n = draw(st.integers(labels * 2, 40))
    seed = draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    raw = generator.integers(1, draw(st.integers(2, 30)), (n, labels)).astype(np.float64)
    true = np.concatenate([np.arange(labels), generator.integers(0, labels, n - labels)])
    return raw / raw.sum(axis=1, keepdims=True), true.astype(np.intp)


def _rows(sample: tuple[Any, Any], output: Output) -> Answered:
    return answered(output, *sample)


@given(samples())
@settings(max_examples=25, deadline=None)
def test_two_labels_agree_with_scikit_learn(sample: tuple[Any, Any]) -> None:
    """Values of accuracy, precision, recall, ROC AUC and Brier score, ties included."""
    rows = _rows(sample, BINARY)
    found = performance(rows, 10, Sampling(7, 20, 0.9))
    scores, positive, called = rows.probabilities[:, 0], rows.true == 0, rows.given == 0
    assert found["accuracy"].value == pytest.approx(oracle.accuracy_score(rows.true, rows.given))
    assert found["recall"].value == pytest.approx(oracle.recall_score(positive, called, zero_division=0))
    if called.any():
        assert found["precision"].value == pytest.approx(oracle.precision_score(positive, called))
    else:
        assert "precision" not in found
    assert found["roc_auc"].value == pytest.approx(oracle.roc_auc_score(positive, scores))
    assert found["brier"].value == pytest.approx(oracle.brier_score_loss(positive, scores))


@given(samples(labels=3))
@settings(max_examples=20, deadline=None)
def test_three_labels_agree_with_scikit_learn(sample: tuple[Any, Any]) -> None:
    """Means over the labels, one against the rest."""
    rows = _rows(sample, THREE)
    found = performance(rows, 10, Sampling(7, 20, 0.9))
    assert found["macro_recall"].value == pytest.approx(oracle.recall_score(rows.true, rows.given, average="macro"))
    precision = oracle.precision_score(rows.true, rows.given, average="macro", zero_division=0, labels=[0, 1, 2])
    assert found["macro_precision"].value == pytest.approx(precision)
    auc = oracle.roc_auc_score(rows.true, rows.probabilities, multi_class="ovr")
    assert found["macro_roc_auc"].value == pytest.approx(auc)


@given(samples(), st.integers(0, 2**31), st.integers(100, 130))
@settings(max_examples=12, deadline=None)
def test_every_bound_is_that_of_training(sample: tuple[Any, Any], seed: int, resamples: int) -> None:
    """Two programs that share no code draw the same resamples and find the same intervals, to 1e-9."""
    rows = _rows(sample, BINARY)
    training = Training(seed=seed, resamples=resamples, confidence=0.9, calibration_bins=7)
    true = np.array([BINARY.labels[place] for place in rows.true], dtype=object)
    expected = trained_metrics(trained_answer(BINARY.labels, rows.probabilities, true, "churn", 0.5), training)
    found = performance(rows, 7, Sampling(seed, resamples, 0.9))
    assert found.keys() == expected.keys()
    for name, metric in expected.items():
        assert (found[name].n, found[name].interval) == (metric.n, metric.interval)
        for part in ("value", "low", "high"):
            assert getattr(found[name], part) == pytest.approx(getattr(metric, part), abs=1e-9), name


@given(samples(labels=3), st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_every_bound_of_three_labels_is_that_of_training(sample: tuple[Any, Any], seed: int) -> None:
    """The same for models of more labels."""
    rows = _rows(sample, THREE)
    training = Training(seed=seed, resamples=100)
    true = np.array([THREE.labels[place] for place in rows.true], dtype=object)
    expected = trained_metrics(trained_answer(THREE.labels, rows.probabilities, true, None, None), training)
    found = performance(rows, 10, Sampling(seed, 100, 0.95))
    assert found.keys() == expected.keys()
    for name, metric in expected.items():
        for part in ("value", "low", "high"):
            assert getattr(found[name], part) == pytest.approx(getattr(metric, part), abs=1e-9), name


def test_resamples_in_parts_are_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory changes no figure."""
    generator = np.random.default_rng(3)
    churn = generator.random(50)
    rows = answered(BINARY, np.column_stack([churn, 1 - churn]), np.arange(50, dtype=np.intp) % 2)
    whole = performance(rows, 10, Sampling(1, 200, 0.95))
    monkeypatch.setattr("policies.recomputation.intervals._CELLS", 350)
    parts = performance(rows, 10, Sampling(1, 200, 0.95))
    for name, metric in whole.items():
        assert parts[name].low == pytest.approx(metric.low)
        assert parts[name].high == pytest.approx(metric.high)
