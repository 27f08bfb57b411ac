# SPDX-License-Identifier: Apache-2.0
"""The index follows the log behind it, at the sidecar that publishes alone, and never stops for good."""

import asyncio

import pytest

from audit_sidecar.errors import StoreAway
from audit_sidecar.indexing import Indexing
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.stores.index import Lag
from contracts import metrics as names


class Scripted:
    """An indexer that answers what it was told to."""

    def __init__(self, *answers: Lag | StoreAway) -> None:
        self.answers = list(answers)

    def catch_up(self, most: int = 16) -> Lag:
        """The next answer; the last of them over and over."""
        assert most > 0
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, StoreAway):
            raise answer
        return answer


def lag_of(metrics: SidecarMetrics) -> float | None:
    return metrics.registry.get_sample_value(names.AUDIT_INDEX_LAG)


async def test_rounds_follow_each_other_until_the_index_is_there() -> None:
    """The lag is shown after each round; while there is more to do nothing is waited for."""
    metrics = SidecarMetrics("0.1.0", lambda: 0.0)
    indexing = Indexing(Scripted(Lag(2, 70), Lag(1, 30), Lag(0, 0)), lambda: True, metrics)
    shown = []
    for more in (True, True, False):
        assert await indexing.round() is more
        shown.append(lag_of(metrics))
    assert shown == [70, 30, 0]


async def test_a_store_that_is_away_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """And again when it is back; the lag stays as it was last known."""
    metrics = SidecarMetrics("0.1.0", lambda: 0.0)
    away = StoreAway("the line is cut")
    indexing = Indexing(Scripted(Lag(1, 30), away, away, Lag(0, 0)), lambda: True, metrics)
    with caplog.at_level("INFO"):
        for lag in (30, 30, 30, 0):
            await indexing.round()
            assert lag_of(metrics) == lag
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "the line is cut" in caplog.records[0].message


async def test_only_the_sidecar_that_publishes_indexes() -> None:
    """The others show no lag, and take over with the lease."""
    metrics = SidecarMetrics("0.1.0", lambda: 0.0)
    metrics.index_lag.set(5)
    asked, leads = asyncio.Event(), False

    def does_lead() -> bool:
        asked.set()
        return leads

    scripted = Scripted(Lag(0, 7))
    running = asyncio.create_task(Indexing(scripted, does_lead, metrics).run(0.001))
    await asked.wait()
    assert lag_of(metrics) == 0
    leads = True
    async with asyncio.timeout(10):
        while lag_of(metrics) != 7:
            asked.clear()
            await asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
