# SPDX-License-Identifier: Apache-2.0
"""Count what becomes of each sampled span, which the SDK does not tell: it drops in silence and forgets failures.

Each count is written by one thread alone: `taken` and `dropped` by the one that ends spans, the others by the exporting
thread.
"""

from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class Tally:
    """Spans that were taken into the queue, and how they left it; or that found it full."""

    def __init__(self) -> None:
        self.taken = 0
        self.dropped = 0
        self.exported = 0
        self.failed = 0

    @property
    def waiting(self) -> int:
        """Spans in the queue or under way."""
        return self.taken - self.exported - self.failed

    def counts(self) -> Mapping[str, int]:
        """By outcome."""
        return {"exported": self.exported, "failed": self.failed, "dropped": self.dropped}


class CountedExporter(SpanExporter):
    """Passes on to another exporter and counts what came of it."""

    def __init__(self, inner: SpanExporter, tally: Tally) -> None:
        self._inner = inner
        self._tally = tally

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """What the other exporter says; an exception is a failure."""
        result = SpanExportResult.FAILURE
        try:
            result = self._inner.export(spans)
        finally:
            if result is SpanExportResult.SUCCESS:
                self._tally.exported += len(spans)
            else:
                self._tally.failed += len(spans)
        return result

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is kept here."""
        return True


class BoundedProcessor(SpanProcessor):
    """Passes at most ``bound`` unsettled spans on to another processor; more are dropped here, and counted.

    The batch processor would drop the oldest in their place, with a log line for each and no count.
    """

    def __init__(self, inner: SpanProcessor, tally: Tally, bound: int) -> None:
        self._inner = inner
        self._tally = tally
        self._bound = bound

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing happens at a span's start."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take it or drop it."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._tally.waiting >= self._bound:
            self._tally.dropped += 1
            return
        self._tally.taken += 1
        self._inner.on_end(span)

    def shutdown(self) -> None:
        """Let the other processor send what waits."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """As the other processor does."""
        return self._inner.force_flush(timeout_millis)
