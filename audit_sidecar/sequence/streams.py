# SPDX-License-Identifier: Apache-2.0
"""The rules of a producer's stream: who owns it, what may come next, what is a repeat, what is missing."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from audit_sidecar.errors import Refused
from audit_sidecar.stores.store import StreamState
from contracts import semconv
from contracts.evidence import Origin, Record, read_origin
from contracts.identifiers import uuid_text
from contracts.otlp import AttributeValue
from contracts.payload import PayloadContext

SIDECAR_ONLY: Final = frozenset({"gap", "key", "origin"})
"""Kinds that only the sidecar writes, for they say what the log itself knows."""


class Turn(Enum):
    """What a record is to its stream."""

    NEXT = "the next one, or a later one after a gap"
    REPEAT = "one that was acknowledged before"
    FOREIGN = "not of the sender's stream: kept as a foreign span"


def model_of(attributes: Mapping[str, AttributeValue]) -> tuple[str | None, str | None]:
    """Model id and version that a Resource names; fsck derives a stream's row with the same function."""
    model_id, version = attributes.get(semconv.MODEL_ID), attributes.get(semconv.MODEL_VERSION)
    return model_id if isinstance(model_id, str) else None, version if isinstance(version, str) else None


class StreamTable:
    """Streams as they stand after what was planned so far; `look_up` finds those not seen yet.

    ``most_bytes`` is what the store keeps of a stream's Resource and scope, if that is bounded.
    """

    def __init__(self, look_up: Callable[[bytes], StreamState | None], most_bytes: int | None = None) -> None:
        self._look_up = look_up
        self._most_bytes = most_bytes
        self._known: dict[bytes, StreamState] = {}
        self.changed: dict[bytes, StreamState] = {}
        self._origins: dict[PayloadContext, Origin] = {}

    def origin(self, context: PayloadContext) -> Origin:
        """Stream and release of a Resource; ContractError when it lacks them."""
        found = self._origins.get(context)
        if found is None:
            if len(self._origins) > 1024:
                self._origins.clear()
            found = self._origins[context] = read_origin(context)
        return found

    def get(self, stream: bytes) -> StreamState | None:
        """The stream as planned, committed or stored."""
        state = self.changed.get(stream) or self._known.get(stream)
        if state is None:
            state = self._look_up(stream)
            if state is not None:
                self._known[stream] = state
        return state

    def judge(self, record: Record, context: PayloadContext, producer: str) -> Turn:
        """What the record is to its stream; Refused when it breaks the stream's rules."""
        origin = self.origin(context)
        state = self.get(origin.stream)
        if state is None:
            if (record.sequence == 0) is not (record.kind == "release"):
                raise Refused(
                    f"stream {uuid_text(origin.stream)} starts with a {record.kind} at {record.sequence}; "
                    "its release, and nothing else, is record 0"
                )
            self._require_room(context)
            return Turn.NEXT
        if state.producer != producer:
            return Turn.FOREIGN
        if state.context != context:
            raise Refused(
                f"stream {uuid_text(origin.stream)} changed its Resource or scope; a new process is a new stream"
            )
        if record.sequence < state.next_seq:
            return Turn.REPEAT
        if state.ended or record.kind == "release":
            raise Refused(f"stream {uuid_text(origin.stream)} cannot go on with a {record.kind} at {record.sequence}")
        return Turn.NEXT

    def _require_room(self, context: PayloadContext) -> None:
        size = sum(len(part) for part in context if part is not None)
        if self._most_bytes is not None and size > self._most_bytes:
            raise Refused(
                f"stream {uuid_text(self.origin(context).stream)} has a Resource and scope of {size} bytes, and this "
                f"store keeps {self._most_bytes} of a stream; say less in the Resource's attributes"
            )

    def advance(self, record: Record, context: PayloadContext, producer: str) -> range:
        """Move the stream past the record; the sequence numbers that were skipped."""
        origin = self.origin(context)
        state = self.get(origin.stream)
        end = record.span.end
        if state is None:
            state = StreamState(
                origin.stream, producer, origin.release, context, *model_of(origin.attributes), 0, end, end, False
            )
        # Written out, for `_replace` costs more than the rest of placing a record.
        self.changed[origin.stream] = StreamState(
            state.stream, state.producer, state.release, state.context, state.model_id, state.model_version,
            record.sequence + 1, state.first_time, end, record.kind == "end",
        )  # fmt: skip
        return range(state.next_seq, record.sequence)

    def ready(self, context: PayloadContext, producer: str) -> StreamState | None:
        """The stream of a Resource that lacks none of it, if its next record may be a prediction of this producer."""
        state = self.get(self.origin(context).stream)
        if state is None or state.ended or state.producer != producer or state.context != context:
            return None
        return state

    def follow(self, state: StreamState) -> None:
        """Move a stream that is `ready` to where a run of predictions left it."""
        self.changed[state.stream] = state

    def adopt(self) -> None:
        """What was planned is durable."""
        self._known |= self.changed
        self.changed = {}
        if len(self._known) > 4096:
            self._known.clear()

    def forget(self) -> None:
        """What was planned did not happen."""
        self.changed = {}
