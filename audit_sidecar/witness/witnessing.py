# SPDX-License-Identifier: Apache-2.0
"""Have every checkpoint cosigned, in bounded time and beside the answers: a witness that is away costs only its word.

At the start the witnesses are asked before anything new is signed: one that saw more of this log than the store holds,
or another history of it, says that the store must not be signed for. Later its word alone stops nobody, for then one
witness could stop every sidecar; it is logged, counted, and the checkpoint stays without its line.
"""

import asyncio
import logging
from collections.abc import Sequence

from audit_sidecar.errors import AuditError, StoreRefused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.new_log import what_to_do
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import peek_checkpoint
from audit_sidecar.tlog.merkle import consistency_proof
from audit_sidecar.tlog.policy import Policy
from audit_sidecar.witness.client import WitnessClient, WitnessDisagrees, WitnessKnowsMore
from contracts.errors import SettingInvalid

_log = logging.getLogger(__name__)


class Witnessing:
    """The witnesses of one log. `cosign` is used by one publisher at a time.

    SettingInvalid for a policy whose witnesses cannot be asked, or make no quorum when all of them are.
    """

    def __init__(self, policy: Policy, reader: StoreReader, metrics: SidecarMetrics, patience: float = 0.8) -> None:
        self._policy = policy
        self._reader = reader
        self._metrics = metrics
        self._patience = patience
        asked = [witness.name for witness in policy.witnesses if witness.url is not None]
        if not policy.satisfied(asked):
            raise SettingInvalid(
                f"the witnesses with a URL ({', '.join(asked) or 'none'}) do not make the quorum {policy.quorum!r}: "
                "no checkpoint could ever be witnessed; give each `witness` line the URL it takes checkpoints at"
            )
        self._clients = [WitnessClient(witness, patience) for witness in policy.witnesses if witness.url is not None]
        self._asked: dict[str, asyncio.Task[bytes]] = {}
        self._silent: set[str] = set()

    def require_agreement(self, note: bytes) -> None:
        """StoreRefused when a witness saw more of the log, or another history, than this checkpoint of the store."""
        for client in self._clients:
            try:
                self._agree(client, note)
            except (WitnessKnowsMore, WitnessDisagrees) as error:
                raise StoreRefused(
                    f"{error}: the store is an older copy, leaves were lost, or history was rewritten. "
                    f"{what_to_do('every checkpoint there is', 'CHECKPOINT')}. "
                    "If the witness is wrong, take it out of the policy"
                ) from error
            except AuditError as error:
                _log.warning("not asked before the start: %s", error)

    def _agree(self, client: WitnessClient, note: bytes) -> None:
        while True:
            try:
                client.cosign(note, self._proof)
            except WitnessKnowsMore:
                # Of a shared log: another sidecar signed meanwhile. What a witness saw was in the store before.
                newest = self._reader.checkpoint()
                if newest is None or newest.size <= peek_checkpoint(note).size:
                    raise
                note = newest.note
            else:
                return

    async def cosign(self, note: bytes) -> bytes | None:
        """The note with the cosignatures that came in time; None when they make no quorum, or there is none to make."""
        waiting = {client.witness.name: self._ask(client, note) for client in self._clients}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=self._patience)
        lines = {name: line for name, task in waiting.items() if (line := self._line(name, task)) is not None}
        met = self._policy.satisfied(lines)
        self._metrics.count_witnessed(peek_checkpoint(note).size if met and lines else None)
        return note + b"".join(lines.values()) if met and lines else None

    def _ask(self, client: WitnessClient, note: bytes) -> asyncio.Task[bytes]:
        # A witness that still thinks about the checkpoint before is not asked twice at once; it is asked next time.
        before = self._asked.get(client.witness.name)
        if before is not None and not before.done():
            return asyncio.create_task(_late())
        task = asyncio.create_task(asyncio.to_thread(client.cosign, note, self._proof))
        self._asked[client.witness.name] = task
        return task

    def _line(self, name: str, task: "asyncio.Task[bytes]") -> bytes | None:
        if not task.done():
            self._complain(name, "it did not answer in time")
            task.add_done_callback(_retrieved)
            return None
        error = task.exception()
        if error is None:
            self._silent.discard(name)
            return task.result()
        if isinstance(error, WitnessKnowsMore | WitnessDisagrees):
            self._metrics.witness_disagreements.inc()
        if not isinstance(error, AuditError):
            raise error
        self._complain(name, str(error))
        return None

    def _complain(self, name: str, why: str) -> None:
        # Once, not every second.
        if name not in self._silent:
            self._silent.add(name)
            _log.error("the witness %s does not cosign: %s", name, why)

    def _proof(self, old: int, new: int) -> Sequence[bytes]:
        return consistency_proof(old, new, StoreTree(self._reader))


async def _late() -> bytes:
    raise _Late("it did not answer in time")


class _Late(AuditError):
    """A witness that still thinks about an earlier checkpoint."""


def _retrieved(task: "asyncio.Task[bytes]") -> None:
    # An answer that came too late is no use, and no unretrieved exception either.
    if not task.cancelled():
        task.exception()
