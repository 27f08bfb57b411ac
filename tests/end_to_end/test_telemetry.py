# SPDX-License-Identifier: Apache-2.0
"""Telemetry of a whole stack: it shares the record's trace id, and is no part of the evidence."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from contracts.address import free_ports
from tests.end_to_end.living import LEAVING, Living, await_true, await_value, living
from tests.service.telemetry.collector import collecting, values

SUBJECT = "C-telemetry-4711"


def test_a_span_leads_to_its_record(tmp_path: Path) -> None:
    """Trace id of the telemetry span, request id of the answer and trace of the record are one; span ids are two."""
    with collecting() as collector, living(tmp_path / "own", environment=collector.environment()) as stack:
        answer = stack.predict(LEAVING, customer=SUBJECT).body
        (span,) = collector.await_spans(1)
        record = stack.audit(f"/api/records/{answer['request_id']}").body["record"]
        leaf = json.loads(json.loads(stack.receipt(answer["request_id"]))["leaf"])
        stack.stop()
        assert stack.fsck().returncode == 0
    assert span.trace_id.hex() == answer["request_id"].replace("-", "") == leaf["trace"]
    assert span.span_id.hex() != leaf["span"]
    assert collector.resource["service.instance.id"] == record["stream"]
    sent = b"".join(collector.bodies)
    subject, label, score = record["subject"], record["label"], str(answer["churn_probability"])
    for forbidden in (SUBJECT, subject, label, score, "95.5", "monthly_charges", "reasons", record["caller"]):
        assert forbidden.encode() not in sent.replace(b"telecom-churn", b""), forbidden


def test_every_variable_at_once_with_telemetry_on(tmp_path: Path) -> None:
    """Promise P2 with the SDK running: sampled out, truncated and forged, and the log holds what it always holds."""
    hostile = {
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=forged,service.instance.id=forged",
        "OTEL_SERVICE_NAME": "forged",
    }
    with (
        collecting() as collector,
        living(tmp_path / "plain") as plain,
        living(tmp_path / "hostile", environment={**collector.environment(), **hostile}) as sampled,
    ):
        first = plain.predict(LEAVING).body
        second = sampled.predict(LEAVING, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").body
        constant = [_constant(stack, answer["request_id"]) for stack, answer in ((plain, first), (sampled, second))]
        sampled.stop()
        assert sampled.fsck().returncode == 0
        assert "telemetry is exported" in sampled.service.log()
    assert constant[0] == constant[1]
    assert collector.asked == 0


@pytest.mark.parametrize("status", [503, None])
def test_a_collector_that_is_down_or_hangs_holds_nothing_up(tmp_path: Path, status: int | None) -> None:
    """Answers come, the process drains with exit code 0 and no traceback, and the stream has its `end`."""
    with collecting() as collector:
        if status is None:
            collector.answering.clear()
        else:
            collector.status = status
        with living(tmp_path / "own", environment=collector.environment()) as stack:
            for _ in range(3):
                assert stack.predict(LEAVING).status == 200
            await_true(lambda: collector.asked > 0, "an export")
            assert stack.predict(LEAVING).status == 200
            assert stack.service.stop() == 0
            assert "Traceback" not in stack.service.log()
            (stream,) = [s for s in stack.audit("/api/completeness").body["streams"] if s["producer"] == "unix"]
            assert stack.sidecar.stop() == 0
        assert stream["missing"] == 0
        # Release, canary, four predictions and `end`; from the day of the card's review on a notice as well.
        assert stream["count"] in (7, 8)
        collector.answering.set()


def test_over_grpc_where_its_exporter_is_installed(tmp_path: Path) -> None:
    """OTEL_EXPORTER_OTLP_PROTOCOL=grpc takes the other stock exporter, with the same spans."""
    taken: list[ExportTraceServiceRequest] = []

    def export(request: ExportTraceServiceRequest, _: grpc.ServicerContext) -> ExportTraceServiceResponse:
        taken.append(request)
        return ExportTraceServiceResponse()

    handler = grpc.method_handlers_generic_handler(
        "opentelemetry.proto.collector.trace.v1.TraceService",
        {
            "Export": grpc.unary_unary_rpc_method_handler(
                export, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
            )
        },
    )
    (port,) = free_ports(1)
    server = grpc.server(ThreadPoolExecutor(1), handlers=[handler])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
    }
    try:
        with living(tmp_path / "own", environment=environment) as stack:
            answer = stack.predict(LEAVING).body
            (request,) = await_value(lambda: list(taken), lambda found: len(found) == 1)
            stack.stop()
    finally:
        server.stop(None).wait()
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert span.trace_id.hex() == answer["request_id"].replace("-", "")
    assert values(span.attributes)["http.route"] == "/predict"


def _constant(stack: Living, request_id: str) -> tuple[object, ...]:
    record = stack.evidence().show(bytes.fromhex(request_id.replace("-", ""))).record
    return (
        record.seq, record.kind, record.features, record.label, record.score, record.threshold, record.explanation,
        record.status, record.caller, record.release,
    )  # fmt: skip
