# SPDX-License-Identifier: Apache-2.0
"""Which way a figure is better, what an answer without any model would reach, and what a card requires of figures."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.model_card_evidence import Metric, Threshold
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.judgement import Finding

BINARY: Final = ("accuracy", "precision", "recall", "roc_auc", "brier", "ece")
MULTICLASS: Final = (
    "accuracy", "macro_precision", "macro_recall", "macro_roc_auc", "brier_multiclass", "top_label_ece",
)  # fmt: skip
LOWER_IS_BETTER: Final = frozenset({"brier", "ece", "brier_multiclass", "top_label_ece"})
CALIBRATION: Final = ("ece", "top_label_ece")


class Required(NamedTuple):
    """A threshold on performance with its place in the card's list."""

    place: int
    threshold: Threshold

    @property
    def bound(self) -> float | None:
        """The bound that can fail: the minimum, or the maximum of what is better when lower."""
        lower = self.threshold.metric in LOWER_IS_BETTER
        return self.threshold.maximum if lower else self.threshold.minimum

    def kept_by(self, value: float) -> bool:
        """Whether a value keeps every bound of the threshold."""
        low, high = self.threshold.minimum, self.threshold.maximum
        return (low is None or value >= low) and (high is None or value <= high)


def required(target: Recomputation) -> list[Required]:
    """The thresholds on performance; those of an attribute are fairness's."""
    thresholds = target.card.thresholds or ()
    return [Required(place, item) for place, item in enumerate(thresholds) if item.attribute is None]


def worst(metric: str, figure: Metric) -> float:
    """The end of the interval that speaks against the model."""
    end = figure.high if metric in LOWER_IS_BETTER else figure.low
    return figure.value if end is None else end


def better(metric: str, one: float, other: float) -> bool:
    """Whether one value is better than another."""
    return one < other if metric in LOWER_IS_BETTER else one > other


def without_model(target: Recomputation, measured: Measured) -> dict[str, float]:
    """What each figure is for an answer that looks at no feature, with the labels and answers as frequent as they are.

    Always the most frequent label for accuracy, a draw for precision, recall and ROC AUC, the base rate as probability
    for Brier. A constant base rate is calibrated, so the calibration error has no entry.
    """
    shares = {label: count / measured.rows for label, count in measured.figures.labels.items()}
    squares = sum(share * share for share in shares.values())
    positive = target.card.output.positive
    if positive is None:
        draw = 1 / len(shares)
        return {
            "accuracy": max(shares.values()),
            "macro_precision": draw,
            "macro_recall": draw,
            "macro_roc_auc": 0.5,
            "brier_multiclass": 1 - squares,
        }
    return {
        "accuracy": max(shares.values()),
        "precision": shares[positive],
        "recall": measured.figures.answers[positive] / measured.rows,
        "roc_auc": 0.5,
        "brier": shares[positive] * (1 - shares[positive]),
    }


def vacuous(target: Recomputation, measured: Measured) -> Iterator[Finding]:
    """Thresholds that an answer without any model would keep, or that bound the wrong side."""
    trivial = without_model(target, measured)
    for item in required(target):
        metric, bound = item.threshold.metric, item.bound
        at = target.at("thresholds", item.place, "maximum" if metric in LOWER_IS_BETTER else "minimum")
        side = "maximum" if metric in LOWER_IS_BETTER else "minimum"
        if metric not in measured.figures.metrics:
            yield Finding(
                place=target.at("thresholds", item.place, "metric"),
                message=f"a threshold is set on {metric}, which the gate does not compute for this model",
                seen=metric,
                wanted=f"one of {', '.join(measured.figures.metrics)}; a figure by group needs `attribute`",
            )
        elif bound is None:
            yield Finding(
                place=at, message=f"the threshold on {metric} has no {side}, so it cannot fail", wanted=f"a {side}"
            )
        elif metric in trivial and not better(metric, bound, trivial[metric]):
            yield Finding(
                place=at,
                message=f"the threshold on {metric} is kept without any model",
                seen=f"{bound:g}",
                wanted=f"{'less' if metric in LOWER_IS_BETTER else 'more'} than {trivial[metric]:.4f}",
            )
