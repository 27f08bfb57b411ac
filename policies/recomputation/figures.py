# SPDX-License-Identifier: Apache-2.0
"""The performance figures of answers against labels, under weights of rows; docs/figures.md has the formulas.

Written without regard to how `training` computes them, so that a mistake in one shows against the other.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from contracts.model_card import Output
from contracts.model_card_evidence import Metric
from policies.recomputation.intervals import Bools, Figure, Floats, Integers, Sampling, bootstrap, wilson

_OneFigure = Callable[[Floats], Floats]


class Answered(NamedTuple):
    """Probabilities [rows, labels] in the order of the card, and answers and true labels as positions."""

    output: Output
    probabilities: Floats
    given: Integers
    true: Integers

    @property
    def positive(self) -> int | None:
        """Position of the positive label; None for more than two labels."""
        return None if self.output.positive is None else self.output.labels.index(self.output.positive)


def answered(output: Output, probabilities: Floats, true: Integers) -> Answered:
    """Turn probabilities into answers as the card's `output` says."""
    return Answered(output, probabilities, given(output, probabilities), true)


def given(output: Output, probabilities: Floats) -> Integers:
    """The position of each row's answer."""
    if output.positive is None or output.threshold is None:
        return np.asarray(probabilities.argmax(axis=1), dtype=np.intp)
    positive = output.labels.index(output.positive)
    return np.where(probabilities[:, positive] >= output.threshold, positive, 1 - positive)


def are_distributions(probabilities: Floats) -> bool:
    """Whether every row is finite, not negative and adds up to 1 within 1e-6."""
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        return False
    return bool((np.abs(probabilities.sum(axis=1) - 1) <= 1e-6).all())


def performance(rows: Answered, bins: int, sampling: Sampling) -> dict[str, Metric]:
    """Every performance figure that a card of this output declares, in the order of cards."""
    drawn = bootstrap(sampled(rows, bins), rows.true, sampling)
    counted = {name: wilson(hits, n, sampling.confidence) for name, (hits, n) in _counts(rows).items()}
    return {name: metric for name, metric in counted.items() if metric is not None} | drawn


def sampled(rows: Answered, bins: int) -> Figure:
    """The figures whose intervals are drawn."""
    if rows.positive is None:
        return _multiclass(rows, bins)
    scores, is_true = rows.probabilities[:, rows.positive], rows.true == rows.positive
    auc, squares, gaps = _auc(scores, is_true), (scores - is_true) ** 2, _calibration(scores, is_true, bins)

    def figure(weights: Floats) -> Mapping[str, Floats]:
        total = weights.sum(axis=1)
        return {"roc_auc": auc(weights), "brier": weights @ squares / total, "ece": gaps(weights)}

    return figure


def _counts(rows: Answered) -> dict[str, tuple[int, int]]:
    right = rows.given == rows.true
    counts = {"accuracy": (int(right.sum()), len(right))}
    if rows.positive is not None:
        called, is_true = rows.given == rows.positive, rows.true == rows.positive
        hits = int(np.count_nonzero(called & is_true))
        counts |= {"precision": (hits, int(called.sum())), "recall": (hits, int(is_true.sum()))}
    return counts


def _auc(scores: Floats, positive: Bools) -> _OneFigure:
    """Over distinct scores from below: positives win against all negatives below, and half of those beside them."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) > 0]))
    is_positive = positive[order]

    def figure(weights: Floats) -> Floats:
        in_order = weights[:, order]
        positives = np.add.reduceat(in_order * is_positive, starts, axis=1)
        negatives = np.add.reduceat(in_order * ~is_positive, starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives
        wins = (positives * (below + negatives / 2)).sum(axis=1)
        shares: Floats = wins / (positives.sum(axis=1) * negatives.sum(axis=1))
        return shares

    return figure


def _calibration(confidences: Floats, hits: Bools, bins: int) -> _OneFigure:
    places = np.minimum((confidences * bins).astype(np.intp), bins - 1)
    excess = np.zeros((len(confidences), bins))
    excess[np.arange(len(confidences)), places] = confidences - hits

    def figure(weights: Floats) -> Floats:
        gaps: Floats = np.abs(weights @ excess).sum(axis=1) / weights.sum(axis=1)
        return gaps

    return figure


def _multiclass(rows: Answered, bins: int) -> Figure:
    every = np.arange(len(rows.output.labels))
    is_true, called = rows.true[:, None] == every, rows.given[:, None] == every
    curves = [_auc(rows.probabilities[:, place], is_true[:, place]) for place in every]
    squares = ((rows.probabilities - is_true) ** 2).sum(axis=1)
    gaps = _calibration(rows.probabilities.max(axis=1), rows.given == rows.true, bins)

    def figure(weights: Floats) -> Mapping[str, Floats]:
        hits = weights @ (is_true & called).astype(np.float64)
        # A label that was never answered counts as precision 0, so that it cannot raise the mean.
        answered_as = np.maximum(weights @ called.astype(np.float64), 1)
        return {
            "macro_precision": (hits / answered_as).mean(axis=1),
            "macro_recall": (hits / (weights @ is_true.astype(np.float64))).mean(axis=1),
            "macro_roc_auc": np.mean([curve(weights) for curve in curves], axis=0),
            "brier_multiclass": weights @ squares / weights.sum(axis=1),
            "top_label_ece": gaps(weights),
        }

    return figure
