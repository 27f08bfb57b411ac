# SPDX-License-Identifier: Apache-2.0
"""Trace ids that are request ids, and a sampler that can count with them."""

from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult

from contracts.identifiers import IdSource

_RANDOM: Final = (1 << 62) - 1


class RequestIds(IdGenerator):
    """The trace id is whatever ``trace_id`` was set to last, the span id is fresh. For one thread."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self.trace_id = 0

    def generate_span_id(self) -> int:
        """Never an evidence span's: those come from eight other random bytes."""
        return int.from_bytes(self._ids.span_id())

    def generate_trace_id(self) -> int:
        """The request id."""
        return self.trace_id

    def is_trace_id_random(self) -> bool:
        """The last 56 bits of a UUIDv7 are random, which is what W3C Trace Context asks for."""
        return True


class RequestIdSampler(Sampler):
    """Asks another sampler with 62 random bits on top of the low half of the trace id.

    The SDK's ratio sampler compares the low 64 bits with a bound. In a UUIDv7 the highest two of them are always ``10``
    (RFC 9562 §4.1), so a ratio of one half would take nothing, and one of three quarters everything.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(self, parent_context: Context | None, trace_id: int, *rest: Any, **named: Any) -> SamplingResult:
        """The other sampler's decision."""
        return self._inner.should_sample(parent_context, (trace_id & _RANDOM) << 2, *rest, **named)

    def get_description(self) -> str:
        """The other sampler's, for it decides."""
        return self._inner.get_description()
