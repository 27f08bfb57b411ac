# SPDX-License-Identifier: Apache-2.0
"""What one service exports: a span for each request, what stands in it and what never does, and what harm it can do."""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from contracts import semconv
from service.telemetry.exchange import Exchange
from service.telemetry.lane import Lane
from service.telemetry.start import Origin, start_telemetry
from tests.service.fake_sidecar import STALL, FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import ROW
from tests.service.telemetry.collector import Collector, values

ALWAYS = {
    "http.request.method", "http.response.status_code", "url.scheme", "http.route", "countersign.model.id",
    "countersign.model.version",
}  # fmt: skip
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
PERSONAL = {
    "traceparent": TRACEPARENT,
    "tracestate": "vendor=secretstate",
    "X-Request-Id": "secretrequestid",
    "baggage": "user=secretbaggage",
    "User-Agent": "secretagent",
}


async def spans(collector: Collector, count: int) -> list[Span]:
    return await asyncio.to_thread(collector.await_spans, count)


async def test_a_prediction_has_one_span(bundle: Path, sidecar: FakeSidecar, exporting: Collector) -> None:
    """Exactly the allowed attributes; the request id is the trace id; the caller's trace is a link and no parent."""
    async with running(bundle, sidecar) as service:
        answer = (await service.client.post("/predict", json=ROW, headers=PERSONAL)).json()
        (span,) = await spans(exporting, 1)
    found = values(span.attributes)
    assert found.keys() == ALWAYS | {"countersign.evidence.wait"}
    assert (found["http.request.method"], found["http.route"]) == ("POST", "/predict")
    assert (found["http.response.status_code"], found["url.scheme"]) == (200, "http")
    assert (found["countersign.model.id"], found["countersign.model.version"]) == ("small-churn", "1.0.0")
    assert (span.name, span.kind, span.status.code) == (
        "POST /predict",
        Span.SPAN_KIND_SERVER,
        Status.STATUS_CODE_UNSET,
    )
    assert span.trace_id.hex() == answer["request_id"].replace("-", "")
    assert span.parent_span_id == b""
    ((trace_id, span_id, state),) = [(link.trace_id.hex(), link.span_id.hex(), link.trace_state) for link in span.links]
    assert (trace_id, span_id, state) == (TRACEPARENT[3:35], TRACEPARENT[36:52], "")
    record = next(record for record in sidecar.records if record.kind == "prediction").span
    assert record.trace_id == span.trace_id
    assert record.span_id != span.span_id
    assert 0 < found["countersign.evidence.wait"] * 1e9 <= span.end_time_unix_nano - span.start_time_unix_nano
    assert exporting.resource["service.name"] == "countersign"
    assert exporting.resource["service.instance.id"] == service.parts.exporter.stream.stream_id


async def test_nothing_personal_is_in_the_bytes(bundle: Path, sidecar: FakeSidecar, exporting: Collector) -> None:
    """Neither input, answer, subject, pseudonym, explanation, caller's ids nor the path of an unknown route."""
    row = {**ROW, "customer_id": "secretcustomer", "monthly_charges": 87.125, "total_charges": 4321.0625}
    async with running(bundle, sidecar) as service:
        single = await service.client.post("/predict", json=row, headers=PERSONAL)
        await service.client.post("/predict/batch", json={"instances": [row, row]}, headers=PERSONAL)
        await service.client.post("/predict", json={**row, "tenure_months": 5150}, headers=PERSONAL)
        await service.client.get("/customers/secretcustomer?name=secretname", headers=PERSONAL)
        await service.client.get(f"/predict/{single.json()['request_id']}/receipt?x=secretquery")
        await spans(exporting, 5)
    sent = b"".join(exporting.bodies)
    record = next(record for record in sidecar.records if record.kind == "prediction").span
    for forbidden in (
        b"secret", b"87.125", b"4321.0625", b"5150", b"churn_probability", b"retain", b"reasons", b"tenure", b"local",
        single.json()["request_id"].encode(), single.json()["prediction"].encode() + b'"',
        str(record.attributes[semconv.SUBJECT]).encode(), str(record.attributes[semconv.EXPLANATION]).encode(),
    ):  # fmt: skip
        assert forbidden not in sent, forbidden
    assert {name for span in exporting.spans for name in values(span.attributes)} <= ALWAYS | {
        "countersign.evidence.wait", "error.type",
    }  # fmt: skip


async def test_which_requests_have_one(bundle: Path, sidecar: FakeSidecar, exporting: Collector) -> None:
    """A batch has one, under its own request id; refusals have one, without error; probes and metrics have none."""
    async with running(bundle, sidecar) as service:
        for path in ("/healthz", "/ready", "/metrics", "/ready/"):
            assert (await service.client.get(path)).status_code == 200
        batch = (await service.client.post("/predict/batch", json={"instances": [ROW, ROW]})).json()
        refused = (await service.client.post("/predict", content=b"{")).json()
        missing = (await service.client.get("/predict/01890000-0000-7000-8000-000000000000/receipt")).json()
        unknown = (await service.client.get("/nowhere")).json()
        await service.client.request("BREW", "/nowhere")
        found = await spans(exporting, 5)
    named = [span.trace_id.hex() for span in found[:4]]
    assert named == [
        text.replace("-", "")
        for text in (batch["predictions"][0]["request_id"], *(p["request_id"] for p in (refused, missing, unknown)))
    ]
    assert [span.name for span in found] == [
        "POST /predict/batch", "POST /predict", "GET /predict/{request_id}/receipt", "GET", "HTTP",
    ]  # fmt: skip
    assert [values(span.attributes)["http.response.status_code"] for span in found][:4] == [200, 400, 503, 404]
    assert "http.route" not in values(found[3].attributes)
    assert values(found[4].attributes)["http.request.method"] == "_OTHER"
    errors = [values(span.attributes).get("error.type") for span in found]
    assert errors == [None, None, "no-audit-api", None, None]
    assert found[2].status.code == Status.STATUS_CODE_ERROR


async def test_a_withheld_answer_says_how_long_it_waited(
    bundle: Path, sidecar: FakeSidecar, exporting: Collector
) -> None:
    """The span covers the wait for evidence that did not come in time; one refused before predicting has no wait."""
    async with running(bundle, sidecar, evidence__deadline=0.2) as service:
        sidecar.script.append(STALL)
        assert (await service.client.post("/predict", json=ROW)).status_code == 503
        assert (await service.client.post("/predict", json=ROW)).status_code == 503
        sidecar.resume()
        withheld, refused = [values(span.attributes) for span in await spans(exporting, 2)]
    assert withheld["error.type"] == "evidence-deadline"
    assert withheld["countersign.evidence.wait"] >= 0.2
    assert refused["error.type"] == "evidence-refused"
    assert "countersign.evidence.wait" not in refused


async def test_what_breaks_is_named_by_its_class(
    bundle: Path, sidecar: FakeSidecar, exporting: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message, which may quote input, is left out."""
    async with running(bundle, sidecar) as service:
        monkeypatch.setattr(service.parts.predictor.schema, "decode", _raise)
        assert (await service.client.post("/predict", json=ROW)).status_code == 500
        (span,) = await spans(exporting, 1)
    assert values(span.attributes)["error.type"] == "ZeroDivisionError"
    assert b"secret" not in exporting.bodies[0]


async def test_sampled_out(
    bundle: Path, sidecar: FakeSidecar, exporting: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_TRACES_SAMPLER thins telemetry and leaves evidence whole."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    async with running(bundle, sidecar) as service:
        for _ in range(5):
            assert (await service.client.post("/predict", json=ROW)).status_code == 200
    assert sidecar.kinds().count("prediction") == 5
    assert exporting.asked == 0


VARIABLES = {
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "0",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_RESOURCE_ATTRIBUTES": "service.name=forged,service.instance.id=forged,countersign.model.id=forged",
    "OTEL_SERVICE_NAME": "forged",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_HEADERS": "countersign-ack=1",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    "OTEL_PROPAGATORS": "nonsense",
    "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
}


@pytest.mark.parametrize("variable", VARIABLES)
async def test_no_variable_changes_the_log(
    variable: str, bundle: Path, sidecar: FakeSidecar, exporting: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With telemetry on, the record of a prediction is the same under every variable, as if there were no telemetry."""
    async with running(bundle, sidecar) as service:
        await service.client.post("/predict", json=ROW, headers=PERSONAL)
    monkeypatch.setenv(variable, VARIABLES[variable])
    async with running(bundle, sidecar) as service:
        await service.client.post("/predict", json=ROW, headers=PERSONAL)
    plain, varied = [record.span for record in sidecar.records if record.kind == "prediction"]
    # The answer names the request and the time, the rest is equal to the byte.
    drop = {semconv.ANSWER}
    assert {k: v for k, v in plain.attributes.items() if k not in drop} == {
        k: v for k, v in varied.attributes.items() if k not in drop
    }
    answers = [json.loads(str(span.attributes[semconv.ANSWER])) for span in (plain, varied)]
    assert answers[0].keys() == answers[1].keys()
    assert answers[0]["prediction"] == answers[1]["prediction"]
    requests = [ExportTraceServiceRequest.FromString(body).resource_spans[0] for body in sidecar.kept]
    resources = [{**values(r.resource.attributes), "service.instance.id": ""} for r in requests]
    assert all(resource == resources[0] for resource in resources)
    links = [s.links for r in requests for s in r.scope_spans[0].spans if s.name.startswith("predict ")]
    assert len(links) == 2
    assert links[0] == links[1]


async def test_a_collector_that_refuses(bundle: Path, sidecar: FakeSidecar, exporting: Collector) -> None:
    """Answers come all the same; what was refused for good is counted as failed."""
    exporting.status = 400
    async with running(bundle, sidecar) as service:
        assert (await service.client.post("/predict", json=ROW)).status_code == 200
        await counted(service, 'outcome="failed"} 1.0')
        assert (await service.client.post("/predict", json=ROW)).status_code == 200
    assert sidecar.kinds().count("prediction") == 2


async def test_a_collector_that_hangs(
    bundle: Path, sidecar: FakeSidecar, exporting: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers do not wait for it; what no longer fits into the queue is dropped and counted."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    exporting.answering.clear()
    async with running(bundle, sidecar) as service:
        for _ in range(10):
            assert (await service.client.post("/predict", json=ROW)).status_code == 200
        await counted(service, 'outcome="dropped"} 6.0')
        exporting.answering.set()
        await counted(service, 'outcome="exported"} 4.0')
    assert sidecar.kinds().count("prediction") == 10


async def counted(service: Service, text: str) -> None:
    # Each scrape gives the event loop its turn; the counts change in another thread.
    async with asyncio.timeout(20):
        while f"countersign_telemetry_spans_total{{{text}" not in (await service.client.get("/metrics")).text:
            pass


async def test_a_crash_in_the_sdk_stays_there(
    bundle: Path,
    sidecar: FakeSidecar,
    exporting: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a processor raises is counted and said once; the answers are whole."""
    monkeypatch.setattr(BatchSpanProcessor, "on_end", _raise)
    async with running(bundle, sidecar) as service:
        for _ in range(3):
            assert (await service.client.post("/predict", json=ROW)).status_code == 200
        await counted(service, 'outcome="failed"} 3.0')
    assert [r.getMessage() for r in caplog.records if "could not be made" in r.getMessage()] == [
        "telemetry: a span could not be made: ZeroDivisionError"
    ]


def test_the_end_does_not_wait_for_a_collector(exporting: Collector, caplog: pytest.LogCaptureFixture) -> None:
    """`close` gives up after the seconds it was given, and says how many spans are lost."""
    exporting.answering.clear()
    lane = started()
    lane.record(exchange())
    begun = time.monotonic()
    lane.close(0.05)
    assert time.monotonic() - begun < 5
    assert "1 spans were not exported" in caplog.text


def test_what_waits_is_sent_at_the_end(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean end loses nothing, however long the pause between exports is."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    lane = started()
    lane.record(exchange())
    lane.close(10)
    assert len(collector.spans) == 1
    assert lane.counts() == {"exported": 1, "failed": 0, "dropped": 0}


def test_the_sdk_speaks_once_and_on_one_line(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A Collector that refuses every export is reported once, without a traceback."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    collector.status = 400
    lane = started()
    logger = logging.getLogger("opentelemetry.sdk.test")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        for number in range(3):
            logger.exception("Exception %s\nwhile exporting", number)
    lane.close(10)
    assert [(r.getMessage(), r.exc_info) for r in caplog.records if "while exporting" in r.getMessage()] == [
        ("telemetry: Exception 0 while exporting", None)
    ]


def started() -> Lane:
    lane = start_telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "named"}, Origin("1", "i", "churn", "1.0.0"))
    assert lane is not None
    return lane


def exchange() -> Exchange:
    found = Exchange(bytes(range(16)), "GET", "http", 1)
    found.status = 200
    return found


def _raise(*_: Any) -> None:
    raise ZeroDivisionError("secret")
