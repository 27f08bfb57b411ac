# SPDX-License-Identifier: Apache-2.0
"""A stock OTLP/gRPC exporter against a real sidecar process."""

from pathlib import Path

import pytest
from grpc import Compression
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from audit_sidecar.stores.store import Search
from contracts.address import free_ports
from contracts.payload import payload_bytes
from tests.end_to_end.living import Living, Process


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_a_stock_exporter_is_served_and_the_sidecar_drains(
    tmp_path: Path, transport: str, compression: Compression
) -> None:
    """What the stock SDK sends over gRPC is kept before it is told so, and SIGTERM still ends the stream in order."""
    stack = Living(tmp_path)
    address = f"127.0.0.1:{free_ports(1)[0]}" if transport == "tcp" else f"unix:{tmp_path}/otlp.sock"
    program = stack.stack.sidecar()
    program = program._replace(arguments=[*program.arguments, "--otlp-grpc", address])
    stack.sidecar = Process(program, tmp_path / "sidecar.log")
    try:
        stack.sidecar.start()
        span = TracerProvider(resource=Resource({"service.name": "shop"})).get_tracer("stranger").start_span("work")
        span.set_attribute("cart.size", 3)
        span.end()
        exporter = OTLPSpanExporter(
            endpoint=address,
            insecure=True,
            timeout=10,
            compression=compression,
            channel_options=(("grpc.default_authority", "localhost"),),
        )
        assert exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
        found, _ = stack.evidence().reader.search(Search(kind="span"), 1)[0]
        exporter.shutdown()
        assert stack.sidecar.stop() == 0, stack.sidecar.log()
    finally:
        stack.end()
    assert found.payload is not None
    assert b"cart.size" in payload_bytes(found.payload)
    assert stack.fsck().returncode == 0
    assert not (tmp_path / "otlp.sock").exists()
