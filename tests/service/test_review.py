# SPDX-License-Identifier: Apache-2.0
"""A review that becomes overdue while the service runs, or was before: what callers, probes and the log are told."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from contracts import metrics, semconv
from contracts.review import WARNING_HEADER
from tests.service.fake_sidecar import STALL, FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import LINEAR_CARD, ROW, write_linear_bundle

MIDNIGHT = datetime(2027, 5, 1, tzinfo=UTC).timestamp()
WARNING = 'card-review-overdue;due="2027-05-01"'
ACTIONS = ("alert", "warn", "unready")


class Clock:
    """Unix seconds; a sleep is the time that passes."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def bundle_that(folder: Path, action: str | None, tier: str = "Medium Risk") -> Path:
    """A bundle that is due on the first of May."""
    card = LINEAR_CARD.replace("2999-05-01", "2027-05-01").replace("Medium Risk", tier)
    return write_linear_bundle(folder / "due", card + (f"review_overdue: {action}\n" if action else ""))


async def told(service: Service) -> tuple[str | None, int, dict[str, float]]:
    """What an answer warns of, the status of the readiness probe, and the gauge of the overdue review by action."""
    answer = await service.client.post("/predict", json=ROW)
    assert answer.status_code == 200
    ready = await service.client.get("/ready")
    text = (await service.client.get("/metrics", headers={"accept": "application/openmetrics-text"})).text
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    assert [s.value for s in samples if s.name == metrics.CARD_REVIEW] == [MIDNIGHT]
    overdue = {s.labels["action"]: s.value for s in samples if s.name == metrics.CARD_OVERDUE}
    return answer.headers.get(WARNING_HEADER), ready.status_code, overdue


def notices(sidecar: FakeSidecar) -> list[dict[str, Any]]:
    """What the notices in the log say, without what every record has."""
    constant = (semconv.RECORD_KIND, semconv.STREAM_SEQ)
    found = [record.span.attributes for record in sidecar.records if record.kind == "notice"]
    return [{key: value for key, value in notice.items() if key not in constant} for notice in found]


def notice(action: str) -> dict[str, Any]:
    return {
        semconv.REASON: "card-review-overdue", semconv.REVIEW_DUE: "2027-05-01", semconv.REVIEW_ACTION: action,
    }  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
async def test_midnight_while_it_runs(tmp_path: Path, sidecar: FakeSidecar, action: str) -> None:
    """Nothing until the last moment of the day before; then what the card asks for, and one notice for good."""
    clock = Clock(MIDNIGHT - 0.001)
    async with running(bundle_that(tmp_path, action), sidecar, clock=clock) as service:
        assert await told(service) == (None, 200, {action: 0})
        clock.now = MIDNIGHT
        await service.parts.review.watch(clock.sleep)
        warning = None if action == "alert" else WARNING
        status = 503 if action == "unready" else 200
        assert await told(service) == (warning, status, {action: 1})
        clock.now = MIDNIGHT - 3600
        assert await told(service) == (warning, status, {action: 1})
        await service.closed()
    assert sidecar.kinds() == ["release", "heartbeat", "prediction", "notice", "prediction", "prediction", "end"]
    assert notices(sidecar) == [notice(action)]


@pytest.mark.parametrize(("tier", "action"), [("low", "alert"), ("Medium Risk", "warn"), ("High Risk", "unready")])
async def test_start_when_it_is_past(tmp_path: Path, sidecar: FakeSidecar, tier: str, action: str) -> None:
    """The notice stands behind the canary, before any answer; a card that says nothing follows its tier."""
    async with running(bundle_that(tmp_path, None, tier), sidecar, clock=Clock(MIDNIGHT + 86400)) as service:
        assert sidecar.kinds() == ["release", "heartbeat", "notice"]
        warning, status, overdue = await told(service)
        await service.parts.review.watch()
        await service.closed()
    assert (warning is None, status == 503, overdue) == (action == "alert", action == "unready", {action: 1})
    assert notices(sidecar) == [notice(action)]


async def test_answer_is_the_same_but_for_its_header(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """Single or batch: body and record say nothing of it; what is no answer carries no warning."""
    clock = Clock(MIDNIGHT - 1)
    async with running(bundle_that(tmp_path, "unready"), sidecar, clock=clock) as service:
        before = await service.client.post("/predict", json=ROW)
        clock.now = MIDNIGHT
        assert service.parts.review.look()
        after = await service.client.post("/predict", json=ROW)
        batch = await service.client.post("/predict/batch", json={"instances": [ROW, ROW]})
        refused = await service.client.post("/predict", json={})
        card = await service.client.get("/governance/model-card")
        await service.closed()
    assert {**before.headers, WARNING_HEADER.lower(): WARNING} == {**after.headers}
    assert batch.headers[WARNING_HEADER] == WARNING
    assert (refused.status_code, card.status_code) == (422, 200)
    assert WARNING_HEADER not in refused.headers
    assert WARNING_HEADER not in card.headers
    own = ("request_id", "timestamp", "evidence")
    plain = [{k: v for k, v in json.loads(a.content).items() if k not in own} for a in (before, after)]
    assert plain[0] == plain[1]


async def test_unready_says_why(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """The probe itself is enough to notice; liveness goes on, for a restart would mend nothing."""
    async with running(bundle_that(tmp_path, "unready"), sidecar, clock=Clock(MIDNIGHT)) as service:
        refused = await service.client.get("/ready")
        assert refused.status_code == 503
        assert refused.json()["type"].endswith(":card-review-overdue")
        assert "release a reviewed one" in refused.json()["detail"]
        assert (await service.client.get("/healthz")).status_code == 200


async def test_watch_sleeps_to_the_day_in_steps(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """Steps of a minute, so that a clock that is set is noticed; the last ends at midnight."""
    clock = Clock(MIDNIGHT - 150)
    async with running(bundle_that(tmp_path, "warn"), sidecar, clock=clock) as service:
        await service.parts.review.watch(clock.sleep)
        await sidecar.kept_kind("notice")
    assert clock.slept == [60, 60, 30]
    assert clock.now == MIDNIGHT


async def test_card_without_a_day_is_never_overdue(mixed: Service, sidecar: FakeSidecar) -> None:
    """There is nothing to watch, and no series of 1970."""
    await mixed.parts.review.watch()
    assert not mixed.parts.review.overdue
    assert metrics.CARD_OVERDUE not in (await mixed.client.get("/metrics")).text
    assert metrics.CARD_REVIEW not in (await mixed.client.get("/metrics")).text
    await mixed.closed()
    assert notices(sidecar) == []


async def test_sidecar_that_is_away_keeps_no_approval_alive(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """Callers and probes are told at once; the notice is sent until it is kept, and the answer waits behind it."""
    clock = Clock(MIDNIGHT - 1)
    bundle = bundle_that(tmp_path, "unready")
    async with running(bundle, sidecar, clock=clock, evidence__deadline=30.0) as service:
        sidecar.script.append(STALL)
        clock.now = MIDNIGHT
        assert (await service.client.get("/ready")).status_code == 503
        asked = asyncio.create_task(service.client.post("/predict", json=ROW))
        await sidecar.received(2)
        assert notices(sidecar) == []
        sidecar.resume()
        answer = await asked
        assert (answer.status_code, answer.headers[WARNING_HEADER]) == (200, WARNING)
        await service.closed()
    assert sidecar.kinds() == ["release", "heartbeat", "notice", "prediction", "end"]


async def test_midnight_after_the_end(tmp_path: Path, sidecar: FakeSidecar) -> None:
    """A stream that has ended takes no notice, and nothing breaks."""
    clock = Clock(MIDNIGHT - 1)
    async with running(bundle_that(tmp_path, "warn"), sidecar, clock=clock) as service:
        await service.closed()
        clock.now = MIDNIGHT
        await service.parts.review.watch(clock.sleep)
        assert service.parts.review.overdue
    assert sidecar.kinds() == ["release", "heartbeat", "end"]
