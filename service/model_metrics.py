# SPDX-License-Identifier: Apache-2.0
"""Gauges about the model: how far what it is asked has moved from its training, and whether its card is in order.

Computed when somebody scrapes. Every family is always there; one without a sample has nothing to say.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from contracts import metrics
from service.drift.drift import Drift
from service.review import Review


class ModelMetrics:
    """Of one model, named by the labels ``model``."""

    def __init__(self, drift: Drift, review: Review) -> None:
        self.asked = drift.asked
        self._drift = drift
        self._review = review

    def collect(self, model: Mapping[str, str]) -> Iterable[Metric]:
        """The families."""
        review, drift = self._review, self._drift
        if review.due is not None:
            yield _gauge(metrics.CARD_REVIEW, "When the model card is due for review.", model, {}, review.due)
            yield _gauge(
                metrics.CARD_OVERDUE, "Whether the review of the model card is overdue, and what follows.",
                model, {"action": review.action}, review.look(),
            )  # fmt: skip
        found = drift.observed()
        yield _gauge(metrics.DRIFT_WINDOW, "Predictions that the drift series look at.", model, {}, found.predictions)
        yield _family(
            metrics.FEATURE_PSI, "Population stability index of a feature against training.",
            model, "feature", found.feature_psi,
        )  # fmt: skip
        index = GaugeMetricFamily(
            metrics.ANSWER_PSI, "Population stability index of the labels given, against training.", labels=tuple(model)
        )
        if found.answer_psi is not None:
            index.add_metric(tuple(model.values()), found.answer_psi)
        yield index
        yield _family(metrics.ANSWER_SHARE, "Share of a label in the window.", model, "label", found.answer_share)
        yield _family(
            metrics.ANSWER_BASELINE, "Share of a label among the answers to the training rows.",
            model, "label", drift.expected_answers,
        )  # fmt: skip


def _gauge(name: str, text: str, model: Mapping[str, str], labels: Mapping[str, str], value: float) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(*model, *labels))
    family.add_metric((*model.values(), *labels.values()), value)
    return family


def _family(name: str, text: str, model: Mapping[str, str], label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(*model, label))
    for key, value in values.items():
        family.add_metric((*model.values(), key), value)
    return family
