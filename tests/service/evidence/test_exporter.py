# SPDX-License-Identifier: Apache-2.0
"""The stream's order, its one export in flight, its re-sending, its deadlines, bounds and end; over a real socket."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import semconv
from contracts.identifiers import parse_uuid, uuid_text
from contracts.payload import cut_export
from service.errors import EvidenceFatal
from service.evidence.backlog import GROUP_RECORDS
from service.prediction.making import Maker
from tests.service.fake_sidecar import DROP, GARBAGE, LOSE, NOT_HTTP, SHORT, STALL, FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import ROW


async def test_stream_opens_with_release_and_canary_and_ends_with_end(service: Service, sidecar: FakeSidecar) -> None:
    """Sequence 0 is the release, 1 the canary, the last record of a clean end is `end`."""
    await service.closed()
    assert sidecar.kinds() == ["release", "heartbeat", "end"]
    release = sidecar.records[0].span.attributes
    assert release[semconv.RELEASE_ARTIFACT] == service.parts.bundle.artifact_digest
    assert release[semconv.RELEASE_CARD] == service.parts.bundle.card_digest


async def test_sequence_is_contiguous_across_singles_and_batches(service: Service, sidecar: FakeSidecar) -> None:
    """Whatever comes at once, the log has 0, 1, 2, … in wire order, and every answer its own record."""
    singles = [service.client.post("/predict", json=ROW) for _ in range(20)]
    batches = [service.client.post("/predict/batch", json={"instances": [ROW] * 700}) for _ in range(2)]
    answers = await asyncio.gather(*singles, *batches)
    await service.closed()
    assert [answer.status_code for answer in answers] == [200] * 22
    assert [record.sequence for record in sidecar.records] == list(range(len(sidecar.records)))
    assert sidecar.kinds().count("prediction") == 20 + 2 * 700
    assert sidecar.most_open_exports == 1
    assert max(sum(1 for _ in cut_export(body)) for body in sidecar.kept) <= GROUP_RECORDS
    places = {uuid_text(record.request_id or b""): index for index, record in enumerate(sidecar.records)}
    single = answers[0].json()
    assert places[single["request_id"]] == single["evidence"]["index"]
    for row in answers[20].json()["predictions"]:
        assert places[row["request_id"]] == row["evidence"]["index"]


@pytest.mark.parametrize("trouble", [DROP, LOSE, NOT_HTTP, 401, 403, 408, 429, 500, 502, 503, 504])
async def test_export_is_sent_again_byte_for_byte(bundle: Path, sidecar: FakeSidecar, trouble: str | int) -> None:
    """After anything that may pass, the same bytes come again, nothing overtakes, and the caller gets the answer."""
    async with running(bundle, sidecar) as service:
        before = len(sidecar.bodies)
        sidecar.script.extend([trouble, trouble])
        answer = await service.client.post("/predict", json=ROW)
        await service.closed()
    assert answer.status_code == 200
    assert sidecar.bodies[before] == sidecar.bodies[before + 1] == sidecar.bodies[before + 2]
    assert [record.sequence for record in sidecar.records] == list(range(4))


async def test_vanished_sidecar_holds_no_caller_beyond_the_deadline(bundle: Path, sidecar: FakeSidecar) -> None:
    """A connection that breaks again and again ends in a withheld answer, not in a caller who waits for ever."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service:
        sidecar.script.extend([DROP] * 3 + [STALL])
        async with asyncio.timeout(10):
            answer = await service.client.post("/predict", json=ROW)
    assert answer.status_code == 503


@pytest.mark.parametrize("trouble", [400, 404, 413, 301, GARBAGE, SHORT])
async def test_lasting_refusal_ends_the_stream(bundle: Path, sidecar: FakeSidecar, trouble: str | int) -> None:
    """What cannot pass fails every waiter at once, and the service refuses from then on."""
    async with running(bundle, sidecar) as service:
        sidecar.script.append(trouble)
        async with asyncio.timeout(10):
            first = await service.client.post("/predict", json=ROW)
            with pytest.raises(EvidenceFatal):
                await service.exporting
        second = await service.client.post("/predict", json=ROW)
        ready = await service.client.get("/ready")
    assert (first.status_code, second.status_code, ready.status_code) == (503, 503, 503)
    assert first.json()["type"].endswith("evidence-failed")
    assert second.json()["type"].endswith("evidence-refused")


async def test_late_acknowledgement_leaves_two_records(bundle: Path, sidecar: FakeSidecar) -> None:
    """The withheld answer's prediction stays, and a `withheld` record names its id and sequence number."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service:
        sidecar.script.append(STALL)
        answer = await service.client.post("/predict", json=ROW)
        sidecar.resume()
        await service.closed()
    problem = answer.json()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert sidecar.kinds() == ["release", "heartbeat", "prediction", "withheld", "end"]
    prediction, withheld = sidecar.records[2:4]
    assert withheld.request_id == prediction.request_id == parse_uuid(problem["request_id"])
    assert withheld.span.trace_id == prediction.span.trace_id
    assert withheld.span.span_id != prediction.span.span_id
    assert withheld.span.attributes[semconv.TARGET_SEQ] == prediction.sequence
    assert withheld.span.attributes[semconv.REASON] == "deadline"


async def test_withheld_batch_leaves_a_record_for_each_row(bundle: Path, sidecar: FakeSidecar) -> None:
    """Each prediction that was made and not sent is told of, also when it waits behind another group."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service:
        sidecar.script.append(STALL)
        rows = {"instances": [ROW] * 5}
        answers = await asyncio.gather(*(service.client.post("/predict/batch", json=rows) for _ in range(2)))
        sidecar.resume()
        await service.closed()
    assert [answer.status_code for answer in answers] == [503, 503]
    made = {record.request_id: record.sequence for record in sidecar.records if record.kind == "prediction"}
    told = {
        record.request_id: record.span.attributes[semconv.TARGET_SEQ]
        for record in sidecar.records
        if record.kind == "withheld"
    }
    assert len(made) == 10
    assert told == made
    assert sidecar.kinds()[-1] == "end"


async def test_batch_that_breaks_half_way_leaves_no_row_unexplained(
    service: Service, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are on their way before the last is made: those that nobody got an answer for are told of as withheld."""
    plain, calls = Maker.make, itertools.count()

    def make(*args: Any) -> Any:
        if next(calls) == 40:
            raise LookupError("secret")
        return plain(*args)

    monkeypatch.setattr(Maker, "make", make)
    answer = await service.client.post("/predict/batch", json={"instances": [ROW] * 100})
    await service.closed()
    assert answer.status_code == 500
    made = [record.request_id for record in sidecar.records if record.kind == "prediction"]
    told = [record.request_id for record in sidecar.records if record.kind == "withheld"]
    assert 0 < len(made) < 100
    assert told == made
    assert sidecar.kinds().count("error") == 1


async def test_withheld_batch_of_one_row_names_its_sequence_number(bundle: Path, sidecar: FakeSidecar) -> None:
    """A `withheld` record never comes before the prediction it is about, in whichever queue that one waits."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service:
        sidecar.script.append(STALL)
        rejected = await service.client.post("/predict", json={})
        answer = await service.client.post("/predict/batch", json={"instances": [ROW]})
        sidecar.resume()
        await service.closed()
    assert (rejected.status_code, answer.status_code) == (422, 503)
    assert sidecar.kinds() == ["release", "heartbeat", "reject", "prediction", "withheld", "end"]
    prediction, withheld = sidecar.records[3:5]
    assert withheld.span.attributes[semconv.TARGET_SEQ] == prediction.sequence


async def test_refused_before_predicting_while_exports_fail(bundle: Path, sidecar: FakeSidecar) -> None:
    """After a deadline of failure no prediction is made; the first export that succeeds tells how many were refused."""
    async with running(bundle, sidecar, evidence__deadline=0.05) as service:
        sidecar.script.append(STALL)
        first = await service.client.post("/predict", json=ROW)
        problems: list[httpx.Response] = []
        while len(problems) < 3:
            answer = await service.client.post("/predict", json=ROW)
            assert answer.status_code == 503
            if answer.json()["type"].endswith("evidence-refused"):
                problems.append(answer)
        assert (await service.client.get("/healthz")).status_code == 200
        sidecar.resume()
        await sidecar.kept_kind("withheld")
        recovered = await service.client.post("/predict", json=ROW)
        await service.closed()
    assert (first.status_code, recovered.status_code) == (503, 200)
    refused = [record for record in sidecar.records if record.span.attributes.get(semconv.REASON) == "refused"]
    counts = [record.span.attributes[semconv.COUNT] for record in refused]
    assert counts[0] == 3
    first_time, last_time = (refused[0].span.attributes[name] for name in (semconv.FIRST, semconv.LAST))
    assert isinstance(first_time, int)
    assert isinstance(last_time, int)
    assert first_time <= last_time
    assert [record.sequence for record in sidecar.records] == list(range(len(sidecar.records)))


@pytest.mark.parametrize("bound", [{"evidence__backlog_records": 4}, {"evidence__backlog_bytes": 1000}])
async def test_backlog_is_bounded(bundle: Path, sidecar: FakeSidecar, bound: dict[str, Any]) -> None:
    """At the bound, in records or bytes, requests are refused; one batch may overshoot, and all is answered later."""
    async with running(bundle, sidecar, **bound) as service:
        sidecar.script.append(STALL)
        before = len(sidecar.bodies)
        batch = asyncio.create_task(service.client.post("/predict/batch", json={"instances": [ROW] * 9}))
        await sidecar.received(before + 1)
        refused = await service.client.post("/predict", json=ROW)
        sidecar.resume()
        answered = await batch
    assert refused.status_code == 503
    assert "too many records" in refused.json()["detail"]
    assert answered.status_code == 200


@pytest.mark.parametrize("wrong", [{"headers": {"x-request-id": "x" * 129}}, {"json": {}}])
async def test_rejects_are_bounded_too(bundle: Path, sidecar: FakeSidecar, wrong: dict[str, Any]) -> None:
    """A request that would only leave a reject is refused at the bound as well, for whatever is wrong with it."""
    async with running(bundle, sidecar, evidence__backlog_records=4) as service:
        sidecar.script.append(STALL)
        codes = [(await service.client.post("/predict", **{"json": ROW, **wrong})).status_code for _ in range(8)]
        waiting = service.parts.exporter.backlog.records
        sidecar.resume()
    assert codes == [422] * 4 + [503] * 4
    assert waiting == 4


async def test_nothing_is_predicted_before_release_and_canary_are_durable(bundle: Path, sidecar: FakeSidecar) -> None:
    """Until the process is known to the log it answers no prediction and is not ready."""
    sidecar.script.append(STALL)
    async with running(bundle, sidecar, started=False) as service:
        await sidecar.received(1)
        refused = await service.client.post("/predict", json=ROW)
        ready = await service.client.get("/ready")
        sidecar.resume()
        await service.parts.exporter.started.wait()
        answered = await service.client.post("/predict", json=ROW)
        assert (await service.client.get("/ready")).status_code == 200
    assert (refused.status_code, ready.status_code, answered.status_code) == (503, 503, 200)


async def test_idle_stream_gives_signs_of_life(bundle: Path, sidecar: FakeSidecar) -> None:
    """Silence of the set length brings a heartbeat."""
    async with running(bundle, sidecar, evidence__heartbeat=0.01):
        await sidecar.kept_kind("heartbeat", 3)


async def test_drain_waits_for_what_is_under_way(service: Service, sidecar: FakeSidecar) -> None:
    """What was accepted before the end is durable before `end`, and nothing is accepted after it."""
    sidecar.script.append(STALL)
    before = len(sidecar.bodies)
    under_way = asyncio.create_task(service.client.post("/predict", json=ROW))
    await sidecar.received(before + 1)
    service.parts.exporter.close()
    refused = await service.client.post("/predict", json=ROW)
    sidecar.resume()
    await service.closed()
    assert (await under_way).status_code == 200
    assert refused.status_code == 503
    assert sidecar.kinds()[-2:] == ["prediction", "end"]


async def test_one_connection_carries_the_stream(service: Service, sidecar: FakeSidecar) -> None:
    """Exports share one keep-alive connection and ask for the acknowledgement."""
    for _ in range(3):
        assert (await service.client.post("/predict", json=ROW)).status_code == 200
    assert sidecar.connections == 1
    assert all("countersign-ack: 1" in head.lower() for head in sidecar.heads)


async def test_token_is_sent_and_read_again_after_a_refusal(bundle: Path, sidecar: FakeSidecar, tmp_path: Path) -> None:
    """A rotated token file is picked up without a restart."""
    token = tmp_path / "token"
    token.write_text("old\n")
    async with running(bundle, sidecar, evidence__token_file=str(token)) as service:
        token.write_text("new\n")
        sidecar.script.append(401)
        assert (await service.client.post("/predict", json=ROW)).status_code == 200
    sent = [line for head in sidecar.heads for line in head.split("\r\n") if line.startswith("Authorization")]
    assert sent[0] == "Authorization: Bearer old"
    assert sent[-1] == "Authorization: Bearer new"
