# SPDX-License-Identifier: Apache-2.0
"""Counting and what is scraped."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from contracts import metrics
from service.evidence.exporter import Commit
from service.metrics import Facts, ServiceMetrics

FACTS = Facts("0.0.1", "m", "1.0.0", "a" * 64, "r" * 64, ("no", "yes"))
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
IDS = (b"t" * 16, b"s" * 8)


def scrape(found: ServiceMetrics) -> list[Any]:
    text = found.exposition(OPEN_METRICS)[0].decode()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return [sample for family in families for sample in family.samples]


@given(st.lists(st.floats(0, 10), max_size=30))
def test_histogram_counts_every_observation_once(seconds: list[float]) -> None:
    """Buckets are cumulative, an edge belongs to its bucket, the sum is the sum."""
    found = ServiceMetrics(FACTS)
    for value in seconds:
        found.requested(("/predict", "POST", "200"), value, IDS)
    samples = [sample for sample in scrape(found) if sample.name.startswith(metrics.REQUEST_DURATION)]
    buckets = {sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")}
    for edge, count in buckets.items():
        assert count == sum(value <= float(edge) for value in seconds)
    if seconds:
        assert buckets["+Inf"] == len(seconds)
        assert next(s.value for s in samples if s.name.endswith("_sum")) == sum(seconds)


def test_exemplar_lies_in_its_bucket() -> None:
    """OpenMetrics asks for it, and at most 128 characters of labels."""
    found = ServiceMetrics(FACTS)
    for value in (0.0004, 0.3, 99.0):
        found.committed(Commit(3, value, *IDS))
    seen = [sample for sample in scrape(found) if sample.exemplar]
    assert [sample.exemplar.value for sample in seen] == [0.0004, 0.3, 99.0]
    for sample in seen:
        assert sample.exemplar.value <= float(sample.labels["le"])
        assert sum(len(key) + len(value) for key, value in sample.exemplar.labels.items()) <= 128
    assert next(s.value for s in scrape(found) if s.name == metrics.EVIDENCE_ACKNOWLEDGED) == 9


def test_facts_and_gauges() -> None:
    """What runs, and how much waits."""
    found = ServiceMetrics(FACTS)
    found.watch_backlog(lambda: 7)
    found.withheld("deadline", 3)
    found.rejected("schema")
    values = {sample.name: (sample.value, sample.labels) for sample in scrape(found)}
    assert values[metrics.BUILD_INFO] == (
        1, {"model": "m", "version": "1.0.0", "service_version": "0.0.1", "artifact": "a" * 64, "release": "r" * 64},
    )  # fmt: skip
    assert values[metrics.EVIDENCE_BACKLOG][0] == 7
    withheld = {s.labels["reason"]: s.value for s in scrape(found) if s.name == metrics.ANSWERS_WITHHELD}
    assert withheld == {"refused": 0, "deadline": 3, "failed": 0}
    assert values[metrics.REJECTS] == (1, {"reason": "schema"})


def test_labels_are_counted_from_zero() -> None:
    """A rate of a label that was never given is 0, not absent; a label that was has its exemplar."""
    found = ServiceMetrics(FACTS)
    found.predicted("yes", *IDS)
    samples = {s.labels["label"]: (s.value, bool(s.exemplar)) for s in scrape(found) if s.name == metrics.PREDICTIONS}
    assert samples == {"no": (0, False), "yes": (1, True)}
