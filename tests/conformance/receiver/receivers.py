# SPDX-License-Identifier: Apache-2.0
"""Receivers to point the checklist at: ours as `countersign sidecar` runs it, and the OpenTelemetry Collector."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from audit_sidecar.stores.url import open_reader
from contracts.address import free_ports
from contracts.payload import payload_bytes
from countersign.stack import Program
from countersign.state import State, prepare_state
from tests.conformance.outside import await_listening, outside
from tests.conformance.receiver.sending import Target
from tests.end_to_end.living import Process

BODY_LIMIT = 1 << 20


class Receiver(NamedTuple):
    """One running receiver. ``kept(name)`` are the spans of that name that it has kept so far."""

    name: str
    target: Target
    kept: Callable[[str], list[Span]]


class Sidecar(NamedTuple):
    """A sidecar with all four OTLP listeners."""

    process: Process
    state: State
    tcp: Target
    unix: Target
    audit: str

    def kept(self, name: str) -> list[Span]:
        """What its store holds, decoded by the stock protos."""
        return [span for span in self.spans() if span.name == name]

    def spans(self) -> Iterator[Span]:
        """Every span in the log."""
        reader = open_reader(self.state.store)
        for record in reader.records(0, reader.frontier().size):
            assert record.payload is not None
            yield ResourceSpans.FromString(payload_bytes(record.payload)).scope_spans[0].spans[0]


@contextlib.contextmanager
def sidecar(folder: Path, **receive: int) -> Iterator[Sidecar]:
    """A running sidecar; settings of its receivers by name."""
    state = prepare_state(folder / "state")
    http, grpc, audit = (f"127.0.0.1:{port}" for port in free_ports(3))
    (folder / "sidecar.toml").write_text("[receive]\n" + "".join(f"{k} = {v}\n" for k, v in receive.items()))
    with socket_folder() as sockets:
        unix = Target(f"unix:{sockets}/http.sock", f"unix:{sockets}/grpc.sock")
        arguments = [
            "sidecar", "--store", state.store, "--key", str(state.log_key), "--audit", audit,
            "--otlp-http", http, "--otlp-http", unix.http, "--otlp-grpc", grpc, "--otlp-grpc", unix.grpc,
            "--config", str(folder / "sidecar.toml"),
        ]  # fmt: skip
        process = Process(Program("sidecar", arguments, f"http://{audit}/readyz"), folder / "sidecar.log")
        with running(process):
            yield Sidecar(process, state, Target(http, grpc), unix, f"http://{audit}")


@contextlib.contextmanager
def running(process: Process) -> Iterator[None]:
    """Started, and gone afterwards whatever happens."""
    try:
        process.start()
        yield
    finally:
        if process.popen is not None and process.popen.poll() is None:
            process.kill()


@contextlib.contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="otlp-") as folder:
        yield Path(folder)


class Collector(NamedTuple):
    """A running OpenTelemetry Collector that writes what it receives to a file."""

    target: Target
    out: Path

    def kept(self, name: str) -> list[Span]:
        """The spans of this name in its file, as far as they are flushed."""
        lines = self.out.read_bytes().splitlines(keepends=True) if self.out.exists() else []
        documents = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [_span(span) for document in documents for span in _spans(document) if span.get("name") == name]


def _spans(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            yield from scope_spans["spans"]


def _span(found: dict[str, Any]) -> Span:
    """The parts that the checklist compares."""
    ids = (bytes.fromhex(found.get(name, "")) for name in ("traceId", "spanId"))
    span = Span(name=found["name"], kind=found.get("kind", 0))
    span.trace_id, span.span_id = ids
    span.start_time_unix_nano = int(found.get("startTimeUnixNano", 0))
    for attribute in found.get("attributes", ()):
        _copy(attribute["value"], span.attributes.add(key=attribute["key"]).value)
    return span


def _copy(value: dict[str, Any], into: Any) -> None:
    if "stringValue" in value:
        into.string_value = value["stringValue"]
    elif "intValue" in value:
        into.int_value = int(value["intValue"])
    elif "doubleValue" in value:
        into.double_value = float(value["doubleValue"])


@contextlib.contextmanager
def collector(folder: Path, config: Callable[[Target, Path], dict[str, Any]]) -> Iterator[Collector]:
    """A running Collector, configured in JSON, which is YAML too."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_ports(2)
    target = Target(*(f"127.0.0.1:{port}" for port in ports))
    settings = folder / "collector.yaml"
    settings.write_text(json.dumps(config(target, folder / "kept.jsonl")))
    with (folder / "collector.log").open("wb") as log:
        command = [str(outside("collector")), "--config", str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        await_listening(process, folder / "collector.log", *ports)
        yield Collector(target, folder / "kept.jsonl")
    finally:
        process.terminate()
        process.wait(30)


def receiving(target: Target, exporter: dict[str, Any]) -> dict[str, Any]:
    """A Collector's configuration: OTLP in over both transports, one exporter out, nothing in between."""
    (name,) = exporter
    return {
        "receivers": {
            "otlp": {
                "protocols": {
                    "http": {"endpoint": target.http, "max_request_body_size": BODY_LIMIT},
                    "grpc": {"endpoint": target.grpc, "max_recv_msg_size_mib": 1},
                }
            }
        },
        "exporters": exporter,
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": [name]}},
        },
    }


def to_file(target: Target, out: Path) -> dict[str, Any]:
    """A Collector that keeps what it receives."""
    return receiving(target, {"file": {"path": str(out), "flush_interval": "50ms"}})


def to_nowhere(target: Target, out: Path) -> dict[str, Any]:
    """A Collector whose backend cannot be reached, and which says so at once."""
    (port,) = free_ports(1)
    exporter = {
        "endpoint": f"http://127.0.0.1:{port}", "retry_on_failure": {"enabled": False},
        "sending_queue": {"enabled": False},
    }  # fmt: skip
    return receiving(target, {"otlp_http": exporter})
