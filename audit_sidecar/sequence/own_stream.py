# SPDX-License-Identifier: Apache-2.0
"""The sidecar as a producer: its own stream of gap, heartbeat and other records, built as evidence spans.

Whatever else of this package keeps records of what it does, such as the read side, has a stream of the same making.
"""

from collections.abc import Callable, Mapping
from typing import Final

from contracts import semconv
from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import AttributeValue, EvidenceSpan, encode_resource, encode_scope, encode_span, with_sequence
from contracts.payload import Payload, PayloadContext
from contracts.release import Release

PRODUCER: Final = "sidecar"
SERVICE_NAME: Final = "countersign-audit-sidecar"


class OwnStream:
    """Builds the records of one sidecar process. Which sequence number comes next is kept with all other streams."""

    def __init__(
        self, release: Release, version: str, ids: IdSource, clock: Callable[[], int], service: str = SERVICE_NAME
    ) -> None:
        self.stream = ids.request_id()
        self._release = release
        self._ids = ids
        self._clock = clock
        resource = encode_resource(
            {
                semconv.SERVICE_NAME: service,
                semconv.SERVICE_VERSION: version,
                semconv.SERVICE_INSTANCE_ID: uuid_text(self.stream),
                semconv.RELEASE_DIGEST: release.digest(),
            }
        )
        self._context = PayloadContext(resource, encode_scope(version), None, None)

    def release_attributes(self) -> Mapping[str, AttributeValue]:
        """What the stream's first record says."""
        return self._release.attributes()

    def payload(self, kind: str, sequence: int, attributes: Mapping[str, AttributeValue]) -> Payload:
        """One record of this stream, ending now."""
        now = self._clock()
        span = EvidenceSpan(kind, self._ids.request_id(), self._ids.span_id(), f"audit {kind}", now, now, attributes)
        return Payload(self._context, with_sequence(encode_span(span), sequence))
