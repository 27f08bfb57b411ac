# SPDX-License-Identifier: Apache-2.0
"""What a store must do. Leaves only ever grow; payloads stand apart, so that they alone can be erased.

A commit is all or nothing and durable when `StoreWriter.commit` returns; it happens only if the log still has the size
it was planned for. Index rows only find: whoever shows a record decodes its payload after checking the commitment.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from audit_sidecar.tlog.merkle import Frontier
from contracts.leaf import Leaf
from contracts.payload import Payload, PayloadContext
from contracts.prediction_layout import Places


class Finding(NamedTuple):
    """What a record can be found by. ``subject`` is the pseudonym."""

    subject: str | None = None
    label: str | None = None
    score: float | None = None
    conflict: bool = False


class NewRecord(NamedTuple):
    """A record on its way into the log; its index is the log's size plus its place in the commit.

    ``text`` is the leaf's where it is at hand, else empty; ``places`` those of a prediction in the service's layout.
    """

    leaf: Leaf
    leaf_hash: bytes
    salt: bytes
    payload: Payload
    finding: Finding
    text: bytes = b""
    places: Places | None = None


class StoredRecord(NamedTuple):
    """A record as kept. ``salt`` and ``payload`` are None once erased."""

    leaf_index: int
    leaf: Leaf
    leaf_hash: bytes
    salt: bytes | None
    payload: Payload | None


class StreamState(NamedTuple):
    """One producer process: who it is, what its Resource says, and the sequence number that comes next."""

    stream: bytes
    producer: str
    release: bytes
    context: PayloadContext
    model_id: str | None
    model_version: str | None
    next_seq: int
    first_time: int
    last_time: int
    ended: bool


class Gap(NamedTuple):
    """Sequence numbers first to last of a stream that never came; ``leaf_index`` is the gap record's."""

    leaf_index: int
    stream: bytes
    first: int
    last: int


class Subtree(NamedTuple):
    """Root of a perfect tree over ``2**level`` leaves; stores keep those whose level is a multiple of 8."""

    level: int
    position: int
    hash: bytes


class Commit(NamedTuple):
    """One group of exports: records in order, streams as they stand after it, and the new right edge of the tree."""

    old_size: int
    frontier: Frontier
    records: Sequence[NewRecord]
    streams: Sequence[StreamState]
    gaps: Sequence[Gap]
    subtrees: Sequence[Subtree]


class SignedCheckpoint(NamedTuple):
    """A checkpoint note that was persisted; ``time`` is when it was signed, unix nanoseconds."""

    size: int
    root: bytes
    note: bytes
    time: int


class Search(NamedTuple):
    """Filters, all of which must hold. Times are half-open unix nanoseconds; ``before`` is the cursor, exclusive.

    ``size`` asks as if the log had that many leaves, so that a count and a page fit together while it grows.
    """

    kind: str | None = None
    subject: str | None = None
    request_id: bytes | None = None
    model: str | None = None
    version: str | None = None
    label: str | None = None
    min_score: float | None = None
    max_score: float | None = None
    start: int | None = None
    stop: int | None = None
    before: int | None = None
    size: int | None = None


class StreamCount(NamedTuple):
    """What a stream sent in a period: sequence numbers of the first and last record, and how many records there are."""

    state: StreamState
    first: int
    last: int
    records: int


class StoreReader(Protocol):
    """Reads a consistent log while it grows. Every method may be called from any thread."""

    def origin(self) -> str:
        """The log's name."""

    def frontier(self) -> Frontier:
        """Right edge of the tree, with its size."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint, or None before the first."""

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """Leaf hashes of [start, stop); shorter when the log ends before."""

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop) at a level that is a multiple of 8, above 0."""

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records of [start, stop) in order."""

    def by_trace(self, trace: bytes) -> list[StoredRecord]:
        """Every record with this trace id, in order."""

    def by_ids(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[StoredRecord]:
        """The first ``limit`` records with these ids and this sequence number, in order; None = foreign spans."""

    def about(self, request_id: bytes) -> list[StoredRecord]:
        """Every record that is, or is about, the prediction of this request id, in order."""

    def search(self, search: Search, limit: int) -> list[tuple[StoredRecord, Finding]]:
        """Matching records, newest first."""

    def count(self, search: Search) -> int:
        """How many records match, ``before`` aside."""

    def stream(self, stream: bytes) -> StreamState | None:
        """One stream."""

    def first_record(self, stream: bytes) -> StoredRecord | None:
        """The record that opened a stream: its release, unless the beginning is missing."""

    def stream_counts(self, start: int | None, stop: int | None) -> list[StreamCount]:
        """Every stream with records that ended in the period, oldest first."""

    def findings(self, start: int, stop: int) -> dict[int, Finding]:
        """Index rows of [start, stop) as stored, for fsck."""

    def strays(self) -> list[str]:
        """Rows that belong to no leaf and no stream, named in words; for fsck. A sound store has none."""

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""


class StoreWriter(Protocol):
    """One sidecar's way to append. Its methods are called from one thread."""

    def turn(self) -> AbstractContextManager[Frontier | None]:
        """The right edge to plan for; None = as this writer left it, for nobody else can append.

        A store that several sidecars share may keep others waiting until the block ends, each in its turn. It is only a
        courtesy: what keeps two plans for one head apart is `commit`. Pushback when no turn is to be had.
        """

    def commit(self, commit: Commit) -> None:
        """Append durably, all or nothing.

        HeadMoved: another sidecar appended first, nothing was kept. OutcomeUnknown: whether it was kept has to be read.
        Pushback: nothing was kept, try again. Fatal: the log is not as planned, though nobody else may write to it.
        """

    def lead(self) -> bool:
        """Whether this sidecar is the one that publishes, for the next seconds: takes or renews the lease.

        Always, where there is only one writer. Pushback when the store cannot be asked.
        """

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Persist a checkpoint before it is shown. Fatal when another root was signed for this size, whoever asks.

        With one writer a larger size that was signed before is Fatal, too. Where several may sign, it is HeadMoved, and
        Pushback says that another sidecar publishes.
        """

    def close(self) -> None:
        """Release the store to the next writer, and the lease to the next publisher."""
