# SPDX-License-Identifier: Apache-2.0
"""The dashboard of whether a model is still asked what it was trained on, and looked at in time."""

from typing import Final

from contracts import metrics as m
from scripts.panel import OF_MODEL, OF_RELEASE, Dashboard, Panel, Query, stat

_REVIEW_DUE: Final = "countersign_monitor_review_due_timestamp_seconds"
"""Recorded by the chart, from the values of the release."""

MODEL: Final = Dashboard(
    "model",
    "Countersign: model",
    "Whether the model is still asked what it was trained on, and looked at in time. See docs/monitoring.md.",
    True,
    (
        stat(
            "Days to the review",
            "Until next_review of the card; negative when it is overdue.",
            "d",
            f"(min({m.CARD_REVIEW}{{{OF_MODEL}}}) - time()) / 86400",
        ),
        Panel(
            "Review overdue",
            "1 from the day on; the name is what the card asks for then.",
            "short",
            (Query(f"max by (action) ({m.CARD_OVERDUE}{{{OF_MODEL}}})", "{{action}}"),),
            "stat",
            6,
        ),
        stat(
            "Predictions in the window",
            "Of the pod that has fewest; below 1,000 an index is noise.",
            "short",
            f"min({m.DRIFT_WINDOW}{{{OF_MODEL}}})",
        ),
        stat(
            "Predictions since the start",
            "Of the pods that run: prediction_count.",
            "short",
            f"sum(prediction_count{{{OF_MODEL}}})",
        ),
        Panel(
            "Drift of features",
            "Population stability index against training, of the pod that has most; 0.2 alerts.",
            "short",
            (Query(f"max by (feature) ({m.FEATURE_PSI}{{{OF_MODEL}}})", "{{feature}}"),),
            width=12,
        ),
        Panel(
            "Answers against training",
            "Share of each answer in the drift window, and among the training rows.",
            "percentunit",
            (
                Query(f"avg by (label) ({m.ANSWER_SHARE}{{{OF_MODEL}}})", "{{label}}"),
                Query(f"max by (label) ({m.ANSWER_BASELINE}{{{OF_MODEL}}})", "{{label}} in training"),
            ),
            width=12,
        ),
        Panel(
            "Drift of answers",
            "Population stability index of the answers, of the pod that has most.",
            "short",
            (Query(f"max({m.ANSWER_PSI}{{{OF_MODEL}}})", "answers"),),
        ),
        Panel(
            "Share of churn",
            "Among the predictions of an hour: churn_rate. Empty for a model that has no such answer.",
            "percentunit",
            (Query(f"churn_rate{{{OF_MODEL}}}", "{{model}} {{version}}"),),
        ),
        Panel(
            "Answers over a week",
            "All pods together; more than 10 points from training alerts.",
            "percentunit",
            (Query(f"job_label:countersign_predictions:ratio_rate7d{{{OF_MODEL}}}", "{{label}}"),),
        ),
        Panel(
            "What answers",
            "How many pods run which artifact.",
            "short",
            (Query(f"count by (model, version, artifact) ({m.BUILD_INFO}{{{OF_MODEL}}})"),),
            "table",
            12,
        ),
        Panel(
            "What people look after",
            "Days until a monitor of the card has to be reviewed again; from the release's values.",
            "d",
            (Query(f"(min by (monitor) ({_REVIEW_DUE}{{{OF_RELEASE}}}) - time()) / 86400"),),
            "table",
            12,
        ),
    ),
)
