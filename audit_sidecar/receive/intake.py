# SPDX-License-Identifier: Apache-2.0
"""What every receiver does whatever its transport: who sends, is the export well-formed, is it durable. All or nothing.

Errors are domain errors; which status each becomes is left to the transport. What comes again may succeed only after
`Pushback`; `Refused`, `TooLarge` and every other ContractError stay wrong, `Unauthenticated` and `Forbidden` need
another token.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final, NamedTuple

from audit_sidecar.errors import AuditError, Refused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.receive.body import TooLarge
from audit_sidecar.receive.rpc_status import Code
from audit_sidecar.receive.well_formed import DECODED_WHOLE, Cut, cut_well_formed
from audit_sidecar.sequence.export import Export
from audit_sidecar.sequence.sequencer import Sequencer
from contracts.acknowledgement import Acknowledgement, Position, encode_acknowledgement
from contracts.errors import ContractError
from contracts.tokens import Caller, TokenTable


class Edge(NamedTuple):
    """Who may send through one listener. ``peer`` names every sender of a private socket; None asks for tokens."""

    transport: str
    peer: str | None
    tokens: TokenTable | None = None
    body_limit: int = 64 << 20
    """Largest export in bytes, before and after decompression."""
    patience: float = 20.0
    """Seconds until a gRPC call that begins must be whole; over HTTP the listener sees to that."""


class Unauthenticated(AuditError):
    """A bearer token that is unknown or expired."""


class Forbidden(AuditError):
    """A valid token without the role that sending needs."""


_CODES: Final[tuple[tuple[type[Exception], Code], ...]] = (
    (Unauthenticated, Code.UNAUTHENTICATED),
    (Forbidden, Code.PERMISSION_DENIED),
    (Refused, Code.INVALID_ARGUMENT),
    (AuditError, Code.UNAVAILABLE),
    (TooLarge, Code.RESOURCE_EXHAUSTED),
    (ContractError, Code.INVALID_ARGUMENT),
)


class Intake:
    """The way in of one listener."""

    def __init__(self, sequencer: Sequencer, origin: str, edge: Edge, metrics: SidecarMetrics) -> None:
        self.edge = edge
        self.large = asyncio.Lock()
        """Held while a large export is decoded: decoding takes many times its size."""
        self._sequencer = sequencer
        self._origin = origin
        self._metrics = metrics
        self._received = metrics.received.labels(edge.transport)

    def producer(self, authorization: str | None) -> str | None:
        """The producer's name, or None for a stranger, whose spans are kept as foreign ones.

        Unauthenticated or Forbidden when a token is given that will not do: its holder means to be a producer.
        """
        if self.edge.peer is not None:
            return self.edge.peer
        if self.edge.tokens is None or authorization is None:
            return None
        caller: Caller | None = self.edge.tokens.authenticate(authorization, datetime.now(UTC))
        if caller is None:
            raise Unauthenticated("the bearer token is unknown or expired")
        if "producer" not in caller.roles:
            raise Forbidden(f"token {caller.name!r} lacks the role producer")
        return caller.name

    async def keep(self, producer: str | None, request: bytes) -> tuple[Position, ...]:
        """Positions of the spans of an ``ExportTraceServiceRequest``, durable. ContractError, Refused or Pushback."""
        spans = 0
        try:
            cut = await self._cut(request, producer is not None)
            spans = len(cut.payloads)
            self._received.inc(spans)
            positions = await self._sequencer.submit(Export(producer, cut.payloads, len(request), cut.facts))
        except (ContractError, AuditError) as error:
            self._metrics.rejected.labels(_reason(error)).inc(spans)
            raise
        self._metrics.acknowledged.inc(spans)
        return positions

    async def _cut(self, request: bytes, producer: bool) -> Cut:
        if len(request) <= DECODED_WHOLE:
            return cut_well_formed(request, producer)
        # Apart from the loop, which has acknowledgements to give meanwhile; one at a time, so that memory is bounded.
        async with self.large:
            return await asyncio.to_thread(cut_well_formed, request, producer)

    def refused(self, code: Code) -> None:
        """Count one export that is not acknowledged, whether its spans could be read or not."""
        self._metrics.exports_refused.labels(code.name.lower()).inc()

    def acknowledgement(self, positions: tuple[Position, ...]) -> bytes:
        """The ``ExportTraceServiceResponse`` for senders that asked where their spans stand."""
        return encode_acknowledgement(Acknowledgement(self._origin, positions))


def code_of(error: AuditError | ContractError) -> Code:
    """What the sender of an export that was refused with ``error`` is told."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _reason(error: ContractError | AuditError) -> str:
    if isinstance(error, Refused):
        return "refused"
    return "unavailable" if isinstance(error, AuditError) else "malformed"
