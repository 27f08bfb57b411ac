# SPDX-License-Identifier: Apache-2.0
"""Metrics of the service under the names of `contracts.metrics`, with exemplars that lead to the record.

Counting costs a dictionary look-up on the way of a request; Prometheus objects are made when somebody scrapes. One
process, one registry: the multi-process mode of the client would lose exemplars.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from contracts import metrics
from service.errors import WITHHELD_REASONS
from service.evidence.exporter import Commit
from service.model_metrics import ModelMetrics

_EDGES: Final = metrics.DURATION_BUCKETS
_EDGE_NAMES: Final = (*(str(edge) for edge in _EDGES), "+Inf")

Labels = tuple[str, ...]

_EXPECTED: Final = tuple(
    (route, "POST", code) for route in ("/predict", "/predict/batch") for code in ("200", "422", "500", "503")
)
"""Answers to predict that objectives are about, before there has been one."""


class Facts(NamedTuple):
    """What `countersign_build_info` says, and the labels that the model gives."""

    service_version: str
    model_id: str
    model_version: str
    model_digest: str
    release_digest: str
    labels: tuple[str, ...]


class _Histogram:
    """Counts per bucket, not cumulated, and the last exemplar of each."""

    def __init__(self) -> None:
        self.counts = [0] * len(_EDGE_NAMES)
        self.exemplars: list[tuple[bytes, bytes, float] | None] = [None] * len(_EDGE_NAMES)
        self.total = 0.0

    def observe(self, seconds: float, ids: tuple[bytes, bytes] | None) -> None:
        place = bisect_left(_EDGES, seconds)
        self.counts[place] += 1
        self.total += seconds
        if ids is not None:
            self.exemplars[place] = (*ids, seconds)

    def buckets(self) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        found: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        count = 0
        for name, own, seen in zip(_EDGE_NAMES, self.counts, self.exemplars, strict=True):
            count += own
            found.append((name, count) if seen is None else (name, count, _exemplar(*seen)))
        return found


class ServiceMetrics:
    """Also the `Ledger` of the predictor and the observer of the exporter."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._backlog: Callable[[], int] = lambda: 0
        self._telemetry: Callable[[], Mapping[str, int]] = dict
        self._prediction_exemplars: dict[str, tuple[bytes, bytes]] = {}
        self._model: ModelMetrics | None = None
        # From 0 on: of a series that begins with its first event, Prometheus never sees that event as an increase.
        self._requests: dict[Labels, int] = dict.fromkeys(_EXPECTED, 0)
        self._predictions = dict.fromkeys(facts.labels, 0)
        self._withheld = dict.fromkeys(WITHHELD_REASONS, 0)
        self._rejects: dict[str, int] = {}
        self._durations: dict[str, _Histogram] = {}
        self._commits = _Histogram()
        self._acknowledged = 0
        self.inflight = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def watch_backlog(self, records: Callable[[], int]) -> None:
        """Ask ``records`` at each scrape how many are not acknowledged."""
        self._backlog = records

    def watch_telemetry(self, spans: Callable[[], Mapping[str, int]]) -> None:
        """Ask ``spans`` at each scrape how many had which outcome; without telemetry there are none."""
        self._telemetry = spans

    def watch_model(self, model: ModelMetrics) -> None:
        """Tell it what the model is asked, and let it speak at each scrape."""
        self._model = model

    def requested(self, labels: Labels, seconds: float, ids: tuple[bytes, bytes] | None) -> None:
        """A request was answered; ``labels`` are route, method and status code."""
        self._requests[labels] = self._requests.get(labels, 0) + 1
        histogram = self._durations.get(labels[0])
        if histogram is None:
            histogram = self._durations[labels[0]] = _Histogram()
        histogram.observe(seconds, ids)

    def predicted(self, label: str, trace_id: bytes, span_id: bytes) -> None:
        """A prediction was made, whether its answer leaves or not."""
        self._predictions[label] = self._predictions.get(label, 0) + 1
        self._prediction_exemplars[label] = (trace_id, span_id)

    def asked(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The model was run on these rows, and what came of them was counted."""
        if self._model is not None:
            self._model.asked(rows)

    def predictions(self) -> Mapping[str, int]:
        """How often each label was given so far."""
        return self._predictions

    def withheld(self, reason: str, count: int) -> None:
        """Answers that did not leave."""
        self._withheld[reason] = self._withheld.get(reason, 0) + count

    def rejected(self, reason: str) -> None:
        """A request that could not be answered as it stood."""
        self._rejects[reason] = self._rejects.get(reason, 0) + 1

    def committed(self, commit: Commit) -> None:
        """An export was acknowledged."""
        self._acknowledged += commit.records
        self._commits.observe(commit.seconds, (commit.trace_id, commit.span_id))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their media type: OpenMetrics with exemplars when ``accept`` asks for it."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def collect(self) -> Iterable[Metric]:
        """Called by the registry at each scrape."""
        facts = self._facts
        model = {"model": facts.model_id, "version": facts.model_version}
        yield _gauge(
            metrics.BUILD_INFO,
            "What this process runs.",
            {**model, "service_version": facts.service_version, "artifact": facts.model_digest,
             "release": facts.release_digest},
            1,
        )  # fmt: skip
        if self._model is not None:
            yield from self._model.collect(model)
        yield _counter(metrics.REQUESTS, "Requests answered.", ("route", "method", "code"), self._requests)
        yield self._collect_predictions(model)
        yield self._collect_durations()
        commits = HistogramMetricFamily(
            metrics.EVIDENCE_COMMIT, "From the first attempt of an export to its acknowledgement."
        )
        commits.add_metric((), self._commits.buckets(), self._commits.total)
        yield commits
        yield _counter(metrics.EVIDENCE_ACKNOWLEDGED, "Records known to be durable.", (), {(): self._acknowledged})
        yield _gauge(metrics.EVIDENCE_BACKLOG, "Records that are not acknowledged yet.", {}, self._backlog())
        yield _counter(metrics.ANSWERS_WITHHELD, "Answers that did not leave.", ("reason",), _single(self._withheld))
        yield _counter(metrics.REJECTS, "Requests refused for what they hold.", ("reason",), _single(self._rejects))
        outcomes = _single(self._telemetry())
        yield _counter(metrics.TELEMETRY_SPANS, "Telemetry spans, which are no evidence.", ("outcome",), outcomes)
        yield _gauge(metrics.INFLIGHT_REQUESTS, "Requests under way.", {}, self.inflight)

    def _collect_predictions(self, model: Mapping[str, str]) -> Metric:
        family = CounterMetricFamily(
            metrics.PREDICTIONS, "Predictions made, answered or not.", labels=(*model, "label")
        )
        for label, count in self._predictions.items():
            ids = self._prediction_exemplars.get(label)
            exemplar = None if ids is None else _exemplar(*ids, 1.0)
            family.add_metric((*model.values(), label), count, exemplar=exemplar)
        return family

    def _collect_durations(self) -> Metric:
        family = HistogramMetricFamily(
            metrics.REQUEST_DURATION, "From a request's arrival to its answer.", labels=("route",)
        )
        for route, histogram in self._durations.items():
            family.add_metric((route,), histogram.buckets(), histogram.total)
        return family


def _single(counts: Mapping[str, int]) -> Mapping[Labels, int]:
    return {(name,): count for name, count in counts.items()}


def _counter(name: str, text: str, labels: Labels, counts: Mapping[Labels, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _gauge(name: str, text: str, labels: Mapping[str, str], value: float) -> Metric:
    family = GaugeMetricFamily(name, text, labels=tuple(labels))
    family.add_metric(tuple(labels.values()), value)
    return family


def _exemplar(trace_id: bytes, span_id: bytes, value: float) -> Exemplar:
    return Exemplar({"trace_id": trace_id.hex(), "span_id": span_id.hex()}, value)
