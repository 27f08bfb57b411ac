# SPDX-License-Identifier: Apache-2.0
"""A Collector on loopback that keeps every span it is sent, refuses, or never answers."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.end_to_end.living import await_true
from tests.loopback import Door, serving_at


class Collector:
    """``status`` is what it answers; while ``answering`` is not set it answers nothing."""

    def __init__(self) -> None:
        self.status = 200
        self.answering = threading.Event()
        self.answering.set()
        self.asked = 0
        self.bodies: list[bytes] = []
        self.url = ""

    @property
    def exports(self) -> list[ExportTraceServiceRequest]:
        """Every export it took."""
        return [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]

    @property
    def spans(self) -> list[Span]:
        """Every span it took, in order."""
        return [s for e in self.exports for r in e.resource_spans for scope in r.scope_spans for s in scope.spans]

    @property
    def resource(self) -> dict[str, Any]:
        """The resource of the first export."""
        return values(self.exports[0].resource_spans[0].resource.attributes)

    def environment(self) -> dict[str, str]:
        """What makes a service export here, and soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "20"}

    def await_spans(self, count: int) -> list[Span]:
        """The spans, once there are that many."""
        await_true(lambda: len(self.spans) >= count, f"{count} telemetry spans")
        return self.spans


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A running Collector that is gone afterwards."""
    collector = Collector()

    class Taking(Door):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.asked += 1
            collector.answering.wait()
            if collector.status == 200:
                collector.bodies.append(body)
            with contextlib.suppress(OSError):
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

    with serving_at(Taking) as collector.url:
        try:
            yield collector
        finally:
            collector.answering.set()
