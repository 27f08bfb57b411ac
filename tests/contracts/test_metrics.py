# SPDX-License-Identifier: Apache-2.0
"""Names of series follow the conventions that dashboards and rules rely on."""

import re

import pytest

from contracts import metrics
from contracts.metrics import DURATION_BUCKETS, SERVICE_METRICS, SIDECAR_METRICS

NAMES = {value for name, value in vars(metrics).items() if name.isupper() and isinstance(value, str)}


def test_every_name_belongs_to_one_program() -> None:
    """No constant is left out of the lists, and none is in both."""
    assert sorted(SERVICE_METRICS + SIDECAR_METRICS) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_is_one_that_prometheus_takes(name: str) -> None:
    """The program's prefix, lower case, no suffix that Prometheus adds itself."""
    assert re.fullmatch(r"countersign_[a-z][a-z0-9_]*[a-z]", name)
    assert name.startswith("countersign_audit_") is (name in SIDECAR_METRICS)
    assert not name.endswith(("_count", "_sum", "_bucket", "_created"))


def test_buckets_grow_and_meet_the_deadline() -> None:
    """Ascending, with an edge at the default deadline of 2 s."""
    assert list(DURATION_BUCKETS) == sorted(set(DURATION_BUCKETS))
    assert 2.0 in DURATION_BUCKETS
