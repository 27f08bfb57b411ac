# SPDX-License-Identifier: Apache-2.0
"""The dashboard of what callers get."""

from typing import Final

from contracts import metrics as m
from scripts.panel import OF_RELEASE, RATE, Dashboard, Panel, Query, burn, quantiles, rate_by, stat

_FIRING: Final = 'alertstate="firing",alertname=~"Countersign.*"'

SERVICE: Final = Dashboard(
    "service",
    "Countersign: service",
    "What callers get. Alerts and their pages: docs/runbooks.",
    False,
    (
        stat(
            "Predictions",
            "Made in the time shown, answered or not.",
            "short",
            f"sum(increase({m.PREDICTIONS}{{{OF_RELEASE}}}[$__range]))",
        ),
        stat(
            "Slowest of 100 answers",
            "99 of 100 single predictions take at most this long, over 5 minutes: p99_latency.",
            "s",
            f"max(p99_latency{{{OF_RELEASE}}})",
        ),
        stat(
            "Programs scraped",
            "Service and sidecar of each pod; one that is down counts as 0.",
            "short",
            f"sum(up{{{OF_RELEASE}}})",
        ),
        stat(
            "Under way",
            "Requests that wait for their answer now.",
            "short",
            f"sum({m.INFLIGHT_REQUESTS}{{{OF_RELEASE}}})",
        ),
        Panel(
            "Requests by route",
            "Every request that was answered, probes included.",
            "reqps",
            (rate_by(m.REQUESTS, "route"),),
        ),
        Panel(
            "Answers to predict, by status",
            "503 is an answer withheld, 422 a request refused for what it holds.",
            "reqps",
            (rate_by(m.REQUESTS, "code", f'{OF_RELEASE},route=~"/predict|/predict/batch"'),),
        ),
        Panel(
            "Predictions by answer",
            "A batch counts each of its rows.",
            "ops",
            (rate_by(m.PREDICTIONS, "label"),),
            exemplars=True,
        ),
        Panel(
            "Time of single predictions",
            "From arrival to answer, evidence included. A point is one request.",
            "s",
            quantiles(m.REQUEST_DURATION, f'{OF_RELEASE},route="/predict"'),
            width=12,
            exemplars=True,
        ),
        Panel(
            "Time by route",
            "99 of 100 requests of a route take at most this long.",
            "s",
            (
                Query(
                    f"histogram_quantile(0.99, sum by (le, route)"
                    f" (rate({m.REQUEST_DURATION}_bucket{{{OF_RELEASE}}}{RATE})))",
                    "{{route}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Budget of errors",
            "How many times as fast as allowed failures use up 0.1 % of a month.",
            "short",
            (
                burn("countersign_predict_failures", "5m", "0.001"),
                burn("countersign_predict_failures", "1h", "0.001"),
            ),
        ),
        Panel(
            "Budget of time",
            "The same of answers slower than 0.1 s, of which 1 % is allowed.",
            "short",
            (burn("countersign_predict_slow", "5m", "0.01"), burn("countersign_predict_slow", "1h", "0.01")),
        ),
        Panel(
            "Refused for what they hold",
            "By reason. Each has a record, without its input.",
            "reqps",
            (rate_by(m.REJECTS, "reason"),),
        ),
        Panel(
            "Telemetry spans",
            "Ordinary spans by what became of them; no evidence.",
            "ops",
            (rate_by(m.TELEMETRY_SPANS, "outcome"),),
        ),
        Panel(
            "Releases",
            "How many pods run which code and model; one line is the rule.",
            "short",
            (Query(f"count by (model, version, release, service_version) ({m.BUILD_INFO}{{{OF_RELEASE}}})"),),
            "table",
        ),
        Panel(
            "Alerts",
            "What fires now.",
            "short",
            (Query(f"sum by (alertname, severity) (ALERTS{{{OF_RELEASE},{_FIRING}}})"),),
            "table",
        ),
    ),
)
