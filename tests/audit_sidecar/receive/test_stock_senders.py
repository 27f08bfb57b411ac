# SPDX-License-Identifier: Apache-2.0
"""Over real sockets: the stock OpenTelemetry SDK sends, unchanged, and a private socket takes a producer's records."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from audit_sidecar.receive.intake import Edge
from audit_sidecar.receive.otlp_http import JSON, PROTOBUF
from contracts.acknowledgement import decode_acknowledgement
from contracts.address import Address, bind, bound_port
from tests.asgi_server import serving
from tests.audit_sidecar.producers import Log, Producer
from tests.audit_sidecar.receive.receiving import UNIX, post, receiver, request_of
from tests.audit_sidecar.receive.test_otlp_json import otlp_json


@asynccontextmanager
async def receiving(log: Log, address: Address, edge: Edge) -> AsyncIterator[int]:
    """The receiver as the sidecar runs it; its port, or 0."""
    listener = bind(address)
    async with receiver(log, edge) as app:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", http="httptools")
        async with serving(config, listener):
            yield 0 if address.path else bound_port(listener)


def stock_spans() -> tuple[ReadableSpan, ...]:
    """Spans of every shape that the SDK makes."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("lib", "1.2.3", schema_url="https://example.com/schema")
    elsewhere = SpanContext(trace_id=7, span_id=9, is_remote=True)
    with tracer.start_as_current_span("parent", kind=SpanKind.CLIENT, links=[Link(elsewhere, {"a": 1})]) as parent:
        parent.set_attributes({"s": "é", "i": -1, "d": 0.5, "b": True, "many": [1, 2], "bytes": b"\x00"})
        parent.add_event("event", {"x": "y"})
        with provider.get_tracer("other").start_as_current_span("child") as child:
            child.set_status(Status(StatusCode.ERROR, "broken"))
    return kept.get_finished_spans()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
async def test_the_stock_exporter_is_served(
    log: Log, monkeypatch: pytest.MonkeyPatch, compression: Compression
) -> None:
    """Success, and what is kept is what the stock encoder wrote, span by span."""
    monkeypatch.setenv("NO_PROXY", "*")
    spans = stock_spans()
    async with receiving(log, Address("127.0.0.1", 0), Edge("http", None)) as port:
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces", compression=compression, timeout=10)
        result = await asyncio.to_thread(exporter.export, spans)
        again = await asyncio.to_thread(exporter.export, spans)
        exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK does not annotate it
    assert (result, again) == (SpanExportResult.SUCCESS, SpanExportResult.SUCCESS)
    sent = [span for r in encode_spans(spans).resource_spans for s in r.scope_spans for span in s.spans]
    kept = [Span.FromString(record.payload.span) for record in log.records()[1:] if record.payload]
    assert kept == sent
    await log.publish()


async def test_the_stock_exporter_is_told_what_will_never_do(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is a failure to it, at once and without a second attempt."""
    monkeypatch.setenv("NO_PROXY", "*")
    async with receiving(log, Address("127.0.0.1", 0), Edge("http", None, body_limit=10)) as port:
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces", timeout=10)
        assert await asyncio.to_thread(exporter.export, stock_spans()) == SpanExportResult.FAILURE
        exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK does not annotate it
    assert log.reader.frontier().size == 1


async def test_json_and_protobuf_of_the_stock_encoder_are_one(log: Log) -> None:
    """Sent in both encodings the spans are kept once: the second is a duplicate to the byte."""
    request = encode_spans(stock_spans())
    texts = [(request.SerializeToString(), PROTOBUF), (json.dumps(otlp_json(request)).encode(), JSON)]
    async with (
        receiving(log, Address("127.0.0.1", 0), Edge("http", None)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as asking,
    ):
        for body, media_type in texts:
            assert (await post(asking, body, media_type)).status_code == 200
    assert log.reader.frontier().size == 1 + 2
    assert log.metrics.registry.get_sample_value("countersign_audit_duplicates_total") == 2


async def test_a_private_socket_takes_a_producers_records(log: Log) -> None:
    """One connection, several exports, the peer named for its socket; the same bytes over TCP are a stranger's."""
    folder = Path(tempfile.mkdtemp(prefix="cs", dir="/tmp"))
    producer = Producer()
    try:
        async with receiving(log, Address(path=str(folder / "s.sock")), UNIX):
            transport = httpx.AsyncHTTPTransport(uds=str(folder / "s.sock"))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
                for seq in range(5):
                    response = await post(asking, request_of(producer.export(seq)), countersign_ack="1")
                    assert [p.leaf_index for p in decode_acknowledgement(response.content).positions] == [seq + 1]
                large = await post(asking, os.urandom(300_000))
                assert large.status_code == 400
    finally:
        shutil.rmtree(folder)
    state = log.reader.stream(producer.stream)
    assert state is not None
    assert (state.producer, state.next_seq) == ("unix", 5)
