# SPDX-License-Identifier: Apache-2.0
"""An open store under test, and records to put into it that no producer could."""

from dataclasses import dataclass

from audit_sidecar.stores.store import (
    Commit,
    Finding,
    Gap,
    NewRecord,
    StoredRecord,
    StoreReader,
    StoreWriter,
    StreamState,
    Subtree,
)
from audit_sidecar.tlog.merkle import leaf_hash
from contracts.leaf import Leaf, leaf_text
from contracts.payload import Payload, PayloadContext
from tests.audit_sidecar.stores.contract.engines import Engine

LAST_TIME = (1 << 64) - 1
STREAMS = [bytes([number]) * 16 for number in range(1, 4)]
NONE = Finding()
PSEUDONYM = "0" * 31 + "1"
CONTEXT = PayloadContext(b"resource", b"scope", None, None)


@dataclass
class Opened:
    """A store under test, and the commits made so far."""

    engine: Engine
    url: str
    reader: StoreReader
    writer: StoreWriter

    def commit(self, *records: NewRecord, streams: tuple[StreamState, ...] = (), gaps: tuple[Gap, ...] = ()) -> None:
        """Append these."""
        self.writer.commit(self.planned(*records, streams=streams, gaps=gaps))

    def begin(self) -> None:
        """Two streams, of which the second has a hole, and a stranger."""
        self.commit(
            produced(0, 0, "release", 10),
            produced(0, 1, time=20, finding=Finding(PSEUDONYM, "churn", 0.25)),
            produced(0, 2, time=30, finding=Finding("not hex", "retain", 0.5)),
            streams=(state(0, 3, 30),),
        )
        about = produced(0, 1).leaf.trace
        self.commit(
            produced(1, 0, "release", 15),
            produced(1, 4, time=25, finding=Finding(PSEUDONYM, "churn", 0.75)),
            produced(1, 5, "withheld", 30, about=about),
            span(7, 40),
            streams=(state(1, 6, 30),),
            gaps=(Gap(3, STREAMS[1], 1, 3),),
        )

    def finish(self) -> None:
        """The stranger contradicts itself, and the first stream ends."""
        self.commit(
            span(7, 41, finding=Finding(conflict=True)),
            produced(0, 3, time=50, finding=Finding(PSEUDONYM, "retain", 1.0)),
            produced(0, 4, "end", 60),
            streams=(state(0, 5, 60, ended=True),),
        )

    def planned(
        self,
        *records: NewRecord,
        streams: tuple[StreamState, ...] = (),
        gaps: tuple[Gap, ...] = (),
        subtrees: tuple[Subtree, ...] = (),
    ) -> Commit:
        """The commit that would append these."""
        frontier = self.reader.frontier()
        old_size = frontier.size
        for record in records:
            frontier.append(record.leaf_hash)
        return Commit(old_size, frontier, records, streams, gaps, subtrees)

    def all(self) -> list[StoredRecord]:
        """Every record."""
        return list(self.reader.records(0, 1 << 20))


def new(leaf: Leaf, payload: Payload, finding: Finding) -> NewRecord:
    return NewRecord(leaf, leaf_hash(leaf_text(leaf)), bytes(32), payload, finding)


def span(number: int, time: int = 0, payload: Payload | None = None, finding: Finding = NONE) -> NewRecord:
    """A foreign span."""
    leaf = Leaf(bytes(32), "span", number.to_bytes(8), time, number.to_bytes(16))
    return new(leaf, payload or Payload(CONTEXT, b"span"), finding)


def produced(stream: int, seq: int, kind: str = "prediction", time: int = 0, **rest: object) -> NewRecord:
    """A producer's record; ``about`` names the request it is about, where it is none itself."""
    trace = bytes([stream + 1, seq]) + bytes(14)
    request = trace if kind in ("prediction", "reject", "error") else rest.get("about")
    assert request is None or isinstance(request, bytes)
    leaf = Leaf(bytes(32), kind, bytes([seq]) * 8, time, trace, request, b"r" * 32, seq, STREAMS[stream])
    finding = rest.get("finding", NONE)
    assert isinstance(finding, Finding)
    return new(leaf, Payload(CONTEXT, b"span"), finding)


def state(stream: int, next_seq: int, time: int = 0, ended: bool = False, first_time: int = 0) -> StreamState:
    return StreamState(
        STREAMS[stream], "unix", b"r" * 32, CONTEXT, f"model-{stream}", f"{stream}.0", next_seq, first_time, time, ended
    )


def kept(index: int, record: NewRecord) -> StoredRecord:
    return StoredRecord(index, record.leaf, record.leaf_hash, record.salt, record.payload)
