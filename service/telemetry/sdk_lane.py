# SPDX-License-Identifier: Apache-2.0
"""Telemetry with the stock OpenTelemetry SDK, set up by the standard variables. Imported only when it is asked for.

Nothing here is waited for by a request and nothing raised here reaches one. A span is made after its exchange is over,
from what `Exchange` can hold, and is dropped when too many wait.
"""

import importlib
import logging
import os
import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from contracts import semconv
from contracts.identifiers import IdSource
from contracts.otlp import AttributeValue, SpanLink
from service.telemetry.accounting import BoundedProcessor, CountedExporter, Tally
from service.telemetry.exchange import Exchange
from service.telemetry.sampling import RequestIds, RequestIdSampler
from service.telemetry.sdk_log import SdkLog
from service.telemetry.start import Origin
from service.telemetry.wanted import GRPC, HTTP

_LOG: Final = logging.getLogger("countersign.telemetry")
_EXPORTERS: Final = {
    HTTP: "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    GRPC: "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}
_QUEUE: Final = 2048
_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_FAILED: Final = Status(StatusCode.ERROR)


def start(protocol: str, origin: Origin) -> "SdkLane":
    """A lane that exports over ``protocol``. Raises whatever the SDK raises over its variables."""
    log = SdkLog()
    log.attach()
    try:
        exporter: SpanExporter = importlib.import_module(_EXPORTERS[protocol]).OTLPSpanExporter()
        return SdkLane(exporter, origin, log)
    except BaseException:
        log.detach()
        raise


class SdkLane:
    """The real `service.telemetry.lane.Lane`; `record` is for one thread."""

    def __init__(self, exporter: SpanExporter, origin: Origin, log: SdkLog) -> None:
        self._log = log
        self._tally = Tally()
        self._broken = 0
        self._ids = RequestIds(IdSource())
        self._model: dict[str, AttributeValue] = {
            semconv.MODEL_ID: origin.model_id,
            semconv.MODEL_VERSION: origin.model_version,
        }
        # At exit the SDK would wait for the Collector for half a minute; `close` waits as long as it is told.
        self._provider = TracerProvider(resource=_resource(origin), id_generator=self._ids, shutdown_on_exit=False)
        self._provider.sampler = RequestIdSampler(self._provider.sampler)
        bound = _queue_size(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", ""))
        batching = BatchSpanProcessor(CountedExporter(exporter, self._tally), bound)
        self._provider.add_span_processor(BoundedProcessor(batching, self._tally, bound))
        self._tracer = self._provider.get_tracer(semconv.SCOPE_NAME, origin.version)

    def record(self, exchange: Exchange) -> None:
        """Make one SERVER span; whatever breaks is counted, and logged the first time."""
        try:
            self._ids.trace_id = int.from_bytes(exchange.request_id)
            span = self._tracer.start_span(
                _name(exchange),
                # A fresh context: nothing that happens to be current becomes the parent.
                context=Context(),
                kind=SpanKind.SERVER,
                attributes={**_attributes(exchange), **self._model},
                links=() if exchange.link is None else (_link(exchange.link),),
                start_time=exchange.start,
            )
            if exchange.error_type is not None:
                span.set_status(_FAILED)
            span.end(exchange.end)
        except Exception as error:
            if not self._broken:
                _LOG.warning("telemetry: a span could not be made: %s", type(error).__name__)
            self._broken += 1

    def counts(self) -> Mapping[str, int]:
        """By outcome; a span that the SDK could not make has failed."""
        counts = self._tally.counts()
        return {**counts, "failed": counts["failed"] + self._broken}

    def close(self, seconds: float) -> None:
        """Send what waits. The thread that does it is left behind when it takes longer: it holds up no exit."""
        flushing = threading.Thread(target=self._shut_down, name="telemetry-flush", daemon=True)
        flushing.start()
        flushing.join(seconds)
        if flushing.is_alive():
            _LOG.warning("telemetry: %d spans were not exported before the end", self._tally.waiting)
        self._log.detach()

    def _shut_down(self) -> None:
        try:
            self._provider.shutdown()
        except Exception as error:
            _LOG.warning("telemetry: the SDK does not end: %s", type(error).__name__)


def _resource(origin: Origin) -> Resource:
    ours = Resource.create(
        {
            semconv.SERVICE_NAME: semconv.SCOPE_NAME,
            semconv.SERVICE_VERSION: origin.version,
            semconv.SERVICE_INSTANCE_ID: origin.instance,
        }
    )
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are the operator's word, here and nowhere in evidence.
    return ours.merge(OTELResourceDetector().detect())


def _queue_size(value: str) -> int:
    return int(value) if value.isdecimal() and int(value) else _QUEUE


def _method(exchange: Exchange) -> str:
    return exchange.method if exchange.method in _METHODS else "_OTHER"


def _name(exchange: Exchange) -> str:
    method = _method(exchange)
    shown = "HTTP" if method == "_OTHER" else method
    return f"{shown} {exchange.route}" if exchange.route else shown


def _attributes(exchange: Exchange) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.HTTP_METHOD: _method(exchange),
        semconv.HTTP_STATUS: exchange.status,
        semconv.URL_SCHEME: exchange.scheme,
    }
    for name, value in (
        (semconv.HTTP_ROUTE, exchange.route or None),
        (semconv.ERROR_TYPE, exchange.error_type),
        (semconv.EVIDENCE_WAIT, exchange.evidence_wait),
    ):
        if value is not None:
            attributes[name] = value
    return attributes


def _link(link: SpanLink) -> Link:
    # Without the trace state: it is the caller's free text.
    return Link(SpanContext(int.from_bytes(link.trace_id), int.from_bytes(link.span_id), is_remote=True))
