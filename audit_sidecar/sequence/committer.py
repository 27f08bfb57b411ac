# SPDX-License-Identifier: Apache-2.0
"""Plan a group and commit it: everything that happens in the writer's thread."""

import time
from collections.abc import Sequence

from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.head import Head
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.sequence.plan import Outcome, Plan
from audit_sidecar.sequence.streams import StreamTable
from audit_sidecar.stores.store import Commit, StoreReader, StoreWriter, Subtree
from audit_sidecar.tlog.merkle import Frontier


class Committer:
    """Owns the head of the log. Use from one thread."""

    def __init__(
        self, head: Head, reader: StoreReader, writer: StoreWriter, own: OwnStream, metrics: SidecarMetrics
    ) -> None:
        self._frontier = head.frontier
        self._edge = head.edge
        self._reader = reader
        self._writer = writer
        self._own = own
        self._streams = StreamTable(reader.stream)
        self._metrics = metrics

    @property
    def frontier(self) -> Frontier:
        """Right edge of what is durable; a commit replaces the object and never changes it."""
        return self._frontier

    def commit(self, items: Sequence[Export | OwnRecord]) -> list[Outcome]:
        """An outcome per item; durable on return. Pushback: none was kept. Fatal: end the process."""
        plan = Plan(self._frontier.size, self._streams, self._own, self._reader.by_ids)
        try:
            outcomes = [plan.add(item) for item in items]
            if plan.records:
                self._append(plan)
        except BaseException:
            self._streams.forget()
            raise
        self._metrics.count_plan(plan.counts, len(plan.records))
        return outcomes

    def _append(self, plan: Plan) -> None:
        frontier, edge = self._frontier.copy(), self._edge.copy()
        subtrees: list[Subtree] = []
        for record in plan.records:
            frontier.append(record.leaf_hash)
            subtrees.extend(Subtree(*tile) for tile in edge.append(record.leaf_hash))
        started = time.perf_counter()
        streams = tuple(self._streams.changed.values())
        self._writer.commit(Commit(self._frontier.size, frontier, plan.records, streams, plan.gaps, subtrees))
        # Only now: what was planned is what the store holds.
        self._frontier, self._edge = frontier, edge
        self._streams.adopt()
        self._metrics.count_commit(time.perf_counter() - started, frontier.size)
