# SPDX-License-Identifier: Apache-2.0
"""Real senders, each sending a number of spans of one name to an address. Their own verdict is not what counts."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.conformance.outside import outside
from tests.conformance.receiver.receivers import collector, receiving
from tests.conformance.receiver.sending import Target, export, post

COUNT = 40
TIMEOUT_SECONDS = 60


class Sending(NamedTuple):
    """What a sender is to do: so many spans to ``address``; ``folder`` is for its own files."""

    address: str
    spans: int
    folder: Path


class Sender(NamedTuple):
    """A sender: what it speaks, what its spans are called, and how it is run."""

    speaks: str
    span_name: str
    send: Callable[[Sending], None]


def _python(exporter: Callable[[str], SpanExporter]) -> Callable[[Sending], None]:
    def send(wanted: Sending) -> None:
        provider = TracerProvider(resource=Resource({"service.name": "python"}), shutdown_on_exit=False)
        processor = BatchSpanProcessor(exporter(wanted.address), schedule_delay_millis=60_000)
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("conformance")
        for index in range(wanted.spans):
            tracer.start_span("python", attributes={"index": index, "ratio": 0.5, "text": "ünï → ☂"}).end()
        processor.force_flush(30_000)
        provider.shutdown()

    return send


def _python_http(compression: Compression) -> Callable[[Sending], None]:
    return _python(
        lambda address: HttpExporter(endpoint=f"http://{address}/v1/traces", compression=compression, timeout=20)
    )


def _javascript(protocol: str) -> Callable[[Sending], None]:
    def send(wanted: Sending) -> None:
        path = "" if protocol == "grpc" else "/v1/traces"
        url = f"http://{wanted.address}{path}"
        command = ["node", str(outside("send.js")), protocol, url, str(wanted.spans)]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
        assert finished.returncode == 0, finished.stderr
        assert len(json.loads(finished.stdout)) == wanted.spans

    return send


def _collector(exporter: str, compression: str) -> Callable[[Sending], None]:
    def send(wanted: Sending) -> None:
        endpoint = f"http://{wanted.address}" if exporter == "otlp_http" else wanted.address
        settings: dict[str, object] = {
            "endpoint": endpoint, "compression": compression, "tls": {"insecure": True},
            "sending_queue": {"enabled": False}, "retry_on_failure": {"initial_interval": "100ms"},
        }  # fmt: skip
        with collector(wanted.folder, lambda target, _: receiving(target, {exporter: settings})) as started:
            # Without a queue the Collector answers when its own export was answered.
            target: Target = started.target
            assert post(target, export(f"collector {exporter}", *range(wanted.spans))).status == 200

    return send


def _telemetrygen(*flags: str) -> Callable[[Sending], None]:
    def send(wanted: Sending) -> None:
        traces = str(wanted.spans // 2)
        # Every trace has two spans. It exits 0 whatever becomes of them.
        command = [
            str(outside("telemetrygen")), "traces", "--otlp-insecure", "--otlp-endpoint", wanted.address,
            "--traces", traces, "--child-spans", "1", "--workers", "1", "--rate", "0", *flags,
        ]  # fmt: skip
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
        assert finished.returncode == 0, finished.stderr

    return send


SENDERS: Mapping[str, Sender] = {
    "OpenTelemetry Python, HTTP": Sender("http", "python", _python_http(Compression.NoCompression)),
    "OpenTelemetry Python, HTTP, gzip": Sender("http", "python", _python_http(Compression.Gzip)),
    "OpenTelemetry Python, gRPC": Sender(
        "grpc", "python", _python(lambda address: GrpcExporter(endpoint=address, insecure=True, timeout=20))
    ),
    "OpenTelemetry JavaScript, HTTP protobuf": Sender("http", "javascript", _javascript("http/protobuf")),
    "OpenTelemetry JavaScript, HTTP JSON": Sender("http", "javascript", _javascript("http/json")),
    "OpenTelemetry JavaScript, gRPC": Sender("grpc", "javascript", _javascript("grpc")),
    "Collector, otlp_http": Sender("http", "collector otlp_http", _collector("otlp_http", "none")),
    "Collector, otlp_http, gzip": Sender("http", "collector otlp_http", _collector("otlp_http", "gzip")),
    "Collector, otlp_grpc": Sender("grpc", "collector otlp_grpc", _collector("otlp_grpc", "none")),
    "Collector, otlp_grpc, gzip": Sender("grpc", "collector otlp_grpc", _collector("otlp_grpc", "gzip")),
    "telemetrygen, HTTP": Sender("http", "", _telemetrygen("--otlp-http")),
    "telemetrygen, gRPC": Sender("grpc", "", _telemetrygen()),
}
RETRIERS = (
    "OpenTelemetry Python, HTTP", "OpenTelemetry Python, gRPC", "OpenTelemetry JavaScript, HTTP protobuf",
    "Collector, otlp_http", "Collector, otlp_grpc",
)  # fmt: skip
