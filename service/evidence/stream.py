# SPDX-License-Identifier: Apache-2.0
"""The stream of one service process: its id, its constants, and the records that frame its predictions.

Sequence numbers are handed out by `next_sequence` alone, from 0 without holes (contract §1).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from contracts import semconv
from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import AttributeValue, EvidenceSpan, encode_resource, encode_scope, encode_span
from contracts.release import Release


class Identity(NamedTuple):
    """Who writes the stream. ``deployment`` holds facts such as pod and node, for the release record alone."""

    service_version: str
    model_id: str
    model_version: str
    model_digest: str
    release: Release
    deployment: Mapping[str, str]


class Stream:
    """Builds encoded spans without sequence number; ``clock`` gives unix nanoseconds."""

    def __init__(self, identity: Identity, ids: IdSource, clock: Callable[[], int]) -> None:
        self._identity = identity
        self._ids = ids
        self._clock = clock
        self._next = 0
        self.stream_id = uuid_text(ids.request_id())
        self.scope = encode_scope(identity.service_version)
        self.resource = encode_resource(
            {
                semconv.SERVICE_NAME: "countersign",
                semconv.SERVICE_VERSION: identity.service_version,
                semconv.SERVICE_INSTANCE_ID: self.stream_id,
                semconv.MODEL_ID: identity.model_id,
                semconv.MODEL_VERSION: identity.model_version,
                semconv.MODEL_DIGEST: identity.model_digest,
                semconv.RELEASE_DIGEST: identity.release.digest(),
            }
        )

    def next_sequence(self) -> int:
        """The place of the next record."""
        sequence = self._next
        self._next = sequence + 1
        return sequence

    def release(self) -> bytes:
        """The first record: what the process runs, and where."""
        return self._record("release", {**self._identity.release.attributes(), **self._identity.deployment})

    def heartbeat(self) -> bytes:
        """The canary, and the sign of life of an idle stream."""
        return self._record("heartbeat", {})

    def end(self) -> bytes:
        """The last record of a clean end."""
        return self._record("end", {})

    def withheld(self, request_id: bytes, reason: str) -> bytes:
        """An answer that was made and not sent; TARGET_SEQ is added when its place is known."""
        attributes: dict[str, AttributeValue] = {semconv.TARGET_ID: uuid_text(request_id), semconv.REASON: reason}
        return self._record("withheld", attributes, request_id)

    def refused(self, count: int, first: int, last: int) -> bytes:
        """Requests refused before predicting; ``first`` and ``last`` are unix nanoseconds."""
        attributes: dict[str, AttributeValue] = {
            semconv.REASON: "refused", semconv.COUNT: count, semconv.FIRST: first, semconv.LAST: last,
        }  # fmt: skip
        return self._record("withheld", attributes)

    def about_request(self, kind: str, request_id: bytes, attributes: Mapping[str, AttributeValue]) -> bytes:
        """A `reject` or `error`: what was refused or broke under ``request_id``."""
        return self._record(kind, attributes, request_id)

    def notice(self, attributes: Mapping[str, AttributeValue]) -> bytes:
        """Something about the release that whoever reads the log has to know."""
        return self._record("notice", attributes)

    def _record(self, kind: str, attributes: Mapping[str, AttributeValue], request_id: bytes | None = None) -> bytes:
        now = self._clock()
        trace_id = self._ids.request_id() if request_id is None else request_id
        return encode_span(
            EvidenceSpan(
                kind, trace_id, self._ids.span_id(), kind, now, now, attributes, failed=kind in ("error", "reject")
            )
        )
