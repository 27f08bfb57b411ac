# SPDX-License-Identifier: Apache-2.0
"""How well the answers fit the labels, each figure with an interval and the rows it rests on.

Two labels: accuracy, precision, recall (of the positive label), roc_auc, brier, ece. More labels: accuracy, and
macro_precision, macro_recall, macro_roc_auc (one against the rest), brier_multiclass (sum over labels, 0 to 2),
top_label_ece. `n` of precision is the rows answered positive, of recall the positive rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.model_card_evidence import Metric
from training.description import Training
from training.intervals import Index, bootstrap, resample, wilson
from training.rows import Array, Floats

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """What the model answered: probabilities in label order, the labels given, and the true ones, as positions."""

    labels: tuple[str, ...]
    probabilities: Floats
    given: npt.NDArray[np.intp]
    true: npt.NDArray[np.intp]
    positive: int | None


def answer(
    labels: tuple[str, ...], probabilities: Floats, true: Array, positive: str | None, threshold: float | None
) -> Answers:
    """Turn probabilities into answers as a card's `output` says; `positive` and `threshold` for two labels."""
    truth = np.array([labels.index(label) for label in true], dtype=np.intp)
    if positive is None or threshold is None:
        return Answers(labels, probabilities, probabilities.argmax(axis=1), truth, None)
    place = labels.index(positive)
    given = np.where(probabilities[:, place] >= threshold, place, 1 - place)
    return Answers(labels, probabilities, given, truth, place)


def metrics(answers: Answers, training: Training) -> dict[str, Metric]:
    """Measure, in the order that cards show."""
    n, confidence = len(answers.true), training.confidence
    right = answers.given == answers.true
    drawn = resample(answers.true, training.resamples, training.seed)
    proportions = {"accuracy": wilson(int(right.sum()), n, confidence)}
    if answers.positive is None:
        rest = bootstrap(lambda index: _multiclass(answers, index, training.calibration_bins), n, drawn, confidence)
    else:
        called, is_true = answers.given == answers.positive, answers.true == answers.positive
        hits = int((called & is_true).sum())
        proportions["precision"] = wilson(hits, int(called.sum()), confidence)
        proportions["recall"] = wilson(hits, int(is_true.sum()), confidence)
        scores = answers.probabilities[:, answers.positive]
        rest = bootstrap(lambda index: _binary(scores, is_true, index, training.calibration_bins), n, drawn, confidence)
    return {name: metric for name, metric in proportions.items() if metric is not None} | rest


def roc_auc(scores: Floats, positive: Bools) -> float:
    """Give the chance that a positive row scores above another, ties counted half (Mann-Whitney)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n_positive = int(positive.sum())
    wins = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * (len(scores) - n_positive)))


def calibration_error(confidences: Floats, hits: Bools, bins: int) -> float:
    """Give the expected calibration error over bins of equal width, weighted by their rows."""
    places = np.minimum((confidences * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(places, confidences - hits, bins)
    return float(np.abs(gaps).sum() / len(hits))


def _binary(scores: Floats, is_true: Bools, index: Index, bins: int) -> Mapping[str, float]:
    scores, is_true = scores[index], is_true[index]
    return {
        "roc_auc": roc_auc(scores, is_true),
        "brier": float(np.mean((scores - is_true) ** 2)),
        "ece": calibration_error(scores, is_true, bins),
    }


def _multiclass(answers: Answers, index: Index, bins: int) -> Mapping[str, float]:
    probabilities, given, true = answers.probabilities[index], answers.given[index], answers.true[index]
    one_hot = true[:, None] == np.arange(len(answers.labels))
    called = given[:, None] == np.arange(len(answers.labels))
    hits = (one_hot & called).sum(axis=0)
    # A label never answered has precision 0 here, as in scikit-learn's zero_division=0: it must not raise the mean.
    precision = hits / np.maximum(called.sum(axis=0), 1)
    return {
        "macro_precision": float(precision.mean()),
        "macro_recall": float((hits / one_hot.sum(axis=0)).mean()),
        "macro_roc_auc": float(np.mean([roc_auc(p, t) for p, t in zip(probabilities.T, one_hot.T, strict=True)])),
        "brier_multiclass": float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
        "top_label_ece": calibration_error(probabilities.max(axis=1), given == true, bins),
    }
