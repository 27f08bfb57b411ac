# SPDX-License-Identifier: Apache-2.0
"""Plan a group and commit it: everything that happens in the writer's thread.

Where several sidecars share a log, each group is planned on the log as it stands in this sidecar's turn, and planned
again when somebody else was faster, with the same salts, so that a payload which a store keeps apart needs no second
place. A commit that may be kept, or its beginning, is looked for in the log, never sent again blindly: its leaf hashes,
made of salts that are the group's own, are nobody else's. What others appended must extend what this sidecar knows.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from audit_sidecar.errors import AuditError, Fatal, HeadMoved, OutcomeUnknown, Pushback
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.head import Head
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.sequence.plan import Outcome, Plan, foreign_ids
from audit_sidecar.sequence.streams import StreamTable
from audit_sidecar.stores.ahead import Expects, Stages
from audit_sidecar.stores.store import Commit, NewRecord, StoreReader, StoreWriter, Subtree
from audit_sidecar.tlog.merkle import Frontier
from audit_sidecar.tlog.tiles import TILE_HEIGHT
from contracts.commitment import fresh_salts

_ATTEMPTS: Final = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.25
_CHUNK: Final = 4096

_Items = Sequence[Export | OwnRecord]
_NOTHING: Final[Mapping[int, Outcome]] = MappingProxyType({})


class _Attempt(NamedTuple):
    """A commit that may be kept, or its beginning, and what its senders are told of what was kept."""

    old_size: int
    plan: Plan
    outcomes: list[Outcome]

    def kept_by(self, reader: StoreReader) -> int:
        """How many of its records the log holds, which no other sidecar can pretend: its salts are the group's own."""
        hashes = [record.leaf_hash for record in self.plan.records]
        held = reader.leaf_hashes(self.old_size, self.old_size + len(hashes))
        return next((at for at, (one, other) in enumerate(zip(hashes, held, strict=False)) if one != other), len(held))

    def own_kept(self, items: _Items, kept: int) -> dict[int, Outcome]:
        """Outcomes of the sidecar's own records among the first so many, which nothing else tells are there."""
        return {
            at: outcome
            for at, (item, outcome) in enumerate(zip(items, self.outcomes, strict=True))
            if isinstance(item, OwnRecord)
            and not isinstance(outcome, AuditError)
            and outcome[0].leaf_index < self.old_size + kept
        }


def pause(attempt: int) -> None:
    """Let others go first for a random moment, longer with each attempt, so that none is starved."""
    time.sleep(random.uniform(0, min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)))  # noqa: S311  (no secret)


class Committer:
    """Knows the head of the log. Use from one thread; ``pause`` is called before every attempt but the first."""

    def __init__(
        self, head: Head, reader: StoreReader, writer: StoreWriter, own: OwnStream, metrics: SidecarMetrics
    ) -> None:
        self._frontier = head.frontier
        self._reader = reader
        self._writer = writer
        self._stages = writer if isinstance(writer, Stages) else None
        self._own = own
        self._expect = reader.expect if isinstance(reader, Expects) else None
        self._most_resource = None if self._stages is None else self._stages.most_resource
        self._streams = StreamTable(reader.stream, self._most_resource)
        self._metrics = metrics
        self.pause: Callable[[int], None] = pause

    @property
    def frontier(self) -> Frontier:
        """Right edge of what is known to be durable; a commit replaces the object and never changes it."""
        return self._frontier

    @property
    def linger(self) -> float:
        """Seconds for which a group is best left to gather; none where a commit begins at once."""
        return 0.0 if self._stages is None else self._stages.linger

    def catch_up(self) -> Frontier:
        """The right edge as the store has it, after this sidecar went along with what others appended.

        A log that no longer holds what this sidecar knows is returned as it is when it is shorter, and Fatal otherwise.
        """
        stored = self._reader.frontier()
        if stored.size > self._frontier.size:
            self._extend(stored)
        return stored

    def commit(self, items: _Items) -> list[Outcome]:
        """An outcome per item; durable on return. Pushback: none is known to be kept. Fatal: end the process."""
        unheard: list[_Attempt] = []
        salts = [fresh_salts(item.records) for item in items]
        if self._stages is not None:
            self._stages.stage(sum(item.records for item in items), lambda: self._foreseen(items, salts))
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(attempt)
            try:
                plan, outcomes = self._attempt(items, salts, unheard)
            except (HeadMoved, OutcomeUnknown):
                continue
            finally:
                self._streams.forget()
            self._metrics.count_plan(plan.counts, len(plan.records))
            return outcomes
        raise Pushback(f"the log was not to be appended to in {_ATTEMPTS} attempts")

    def _foreseen(self, items: _Items, salts: Sequence[Sequence[bytes]]) -> list[NewRecord]:
        """The records as they are planned on what is known now."""
        try:
            return self._planned(items, salts)[0].records
        finally:
            self._streams.forget()

    def _planned(
        self, items: _Items, salts: Sequence[Sequence[bytes]], known: Mapping[int, Outcome] = _NOTHING
    ) -> tuple[Plan, list[Outcome]]:
        if self._expect is not None:
            self._expect(foreign_ids(items))
        plan = Plan(self._frontier.size, self._streams, self._own, self._reader.by_ids)
        drawn = zip(items, salts, strict=True)
        return plan, [known[at] if at in known else plan.add(*one) for at, one in enumerate(drawn)]

    def _attempt(
        self, items: _Items, salts: Sequence[Sequence[bytes]], unheard: list[_Attempt]
    ) -> tuple[Plan, list[Outcome]]:
        with self._writer.turn() as head:
            if head is not None:
                self._follow(head)
            known: dict[int, Outcome] = {}
            for lost in unheard:
                kept = lost.kept_by(self._reader)
                if kept == len(lost.plan.records):
                    return lost.plan, lost.outcomes
                known |= lost.own_kept(items, kept)
            plan, outcomes = self._planned(items, salts, known)
            old_size = self._frontier.size
            try:
                if plan.records:
                    self._append(plan)
            except (HeadMoved, OutcomeUnknown):
                # Others may have come between the parts of a commit that a store keeps one after the other.
                unheard.append(_Attempt(old_size, plan, outcomes))
                raise
        return plan, outcomes

    def _follow(self, head: Frontier) -> None:
        known = self._frontier
        if head.size < known.size:
            raise Fatal(f"the log holds {head.size} leaves where {known.size} were durable: the store was set back")
        if head.size > known.size:
            self._extend(head)
        elif head.to_bytes() != known.to_bytes():
            raise Fatal(f"the first {head.size} leaves of the log are others than before: the store was rewritten")

    def _extend(self, head: Frontier) -> None:
        """Go along with what others appended; Fatal unless it stands behind all that is known already."""
        frontier = self._frontier.copy()
        for low in range(frontier.size, head.size, _CHUNK):
            frontier.extend(self._reader.leaf_hashes(low, min(low + _CHUNK, head.size)), TILE_HEIGHT)
        if frontier.to_bytes() != head.to_bytes():
            raise Fatal(
                f"the log of {head.size} leaves does not extend the {self._frontier.size} that were durable before: "
                "the store was rewritten; run 'countersign audit fsck' on it"
            )
        self._frontier = frontier
        # Streams may have gone on at another sidecar.
        self._streams = StreamTable(self._reader.stream, self._most_resource)
        self._metrics.tree_size.set(frontier.size)

    def _append(self, plan: Plan) -> None:
        frontier = self._frontier.copy()
        completed = frontier.extend([record.leaf_hash for record in plan.records], TILE_HEIGHT)
        subtrees = [Subtree(*subtree) for subtree in completed]
        started = time.perf_counter()
        streams = tuple(self._streams.changed.values())
        self._writer.commit(Commit(self._frontier.size, frontier, plan.records, streams, plan.gaps, subtrees))
        # Only now: what was planned is what the store holds.
        self._frontier = frontier
        self._streams.adopt()
        self._metrics.count_commit(time.perf_counter() - started, frontier.size)
