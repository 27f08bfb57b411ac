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
