# SPDX-License-Identifier: Apache-2.0
"""A Collector for each test that asks for one, and an environment that nobody else's variables are in."""

import os
from collections.abc import Iterator

import pytest

from tests.service.telemetry.collector import Collector, collecting


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def exporting(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Collector:
    """A Collector that services started in this process export to."""
    for name, value in collector.environment().items():
        monkeypatch.setenv(name, value)
    return collector
