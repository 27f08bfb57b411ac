# SPDX-License-Identifier: Apache-2.0
"""fsck of a store: besides the log itself, every row that claims to follow from a payload or from other rows.

The rows are walked first, for they name the leaf; the log is then checked as any C2SP log is.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import BadLeaf, Progress, SoundLog, check_log
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.sequence.plan import find
from audit_sidecar.sequence.streams import model_of
from audit_sidecar.stores.ahead import Expects, SpanIds
from audit_sidecar.stores.soundness import fault_of
from audit_sidecar.stores.store import Finding, Gap, StoredRecord, StoreReader, StreamState
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.edge import TileEdge
from audit_sidecar.tlog.errors import RootMismatch, VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import Frontier
from audit_sidecar.tlog.policy import Policy
from contracts import semconv
from contracts.evidence import Record, decode_resource, read_record
from contracts.identifiers import parse_uuid, uuid_text
from contracts.payload import PayloadContext

_CHUNK = 512


class _Walk:
    """What the rows read so far imply for those that follow."""

    def __init__(self, reader: StoreReader) -> None:
        self.reader = reader
        self.frontier = Frontier()
        self.edge = TileEdge()
        self.next_seq: dict[bytes, int] = {}
        self.first: dict[bytes, StoredRecord] = {}
        self.last: dict[bytes, StoredRecord] = {}
        self.contexts: dict[bytes, PayloadContext] = {}
        self.gaps: dict[bytes, list[Gap]] = {}
        self.bare: dict[bytes | None, int] = {}
        """Request ids of records without payload, and the first leaf of each."""
        self.erased: set[bytes | None] = set()
        """Request ids that erasure records name."""


def check_store(
    reader: StoreReader,
    verifiers: Sequence[Verifier],
    kept: Iterable[Checkpoint] = (),
    progress: Progress | None = None,
    policy: Policy | None = None,
) -> SoundLog:
    """Return what was found of a sound store, or raise the VerificationError that names its first fault."""
    try:
        committed = reader.frontier()
    except StoreRefused as error:
        raise VerificationError(str(error)) from error
    # Of a live store: the log is asked again, for it may have grown between the two questions.
    if reader.leaf_hashes(committed.size, committed.size + 1) and reader.frontier().size == committed.size:
        raise BadLeaf(committed.size, f"there is a row for it, but the log ends before, at size {committed.size}")
    walk = _Walk(reader)
    for low in range(0, committed.size, _CHUNK):
        high = min(low + _CHUNK, committed.size)
        _check_rows(walk, low, high)
        if progress is not None:
            progress(high, committed.size)
    if walk.frontier.to_bytes() != committed.to_bytes():
        raise RootMismatch(committed.root(), walk.frontier.root())
    _check_streams(walk)
    _check_erasures(walk)
    strays = reader.strays()
    if strays:
        raise VerificationError(f"the store has {strays[0]}")
    return _check_signed(reader, verifiers, kept, policy)


def _check_rows(walk: _Walk, low: int, high: int) -> None:
    findings, records = walk.reader.findings(low, high), list(walk.reader.records(low, high))
    if isinstance(walk.reader, Expects):
        walk.reader.expect([SpanIds(r.leaf.trace, r.leaf.span) for r in records if r.leaf.kind == "span"])
    for record in records:
        if record.leaf_index != walk.frontier.size:
            raise BadLeaf(walk.frontier.size, "its row is missing")
        _check_record(walk, record, findings.get(record.leaf_index, Finding()))
    if walk.frontier.size < high:
        raise BadLeaf(walk.frontier.size, "its row is missing")


def _check_record(walk: _Walk, record: StoredRecord, stored: Finding) -> None:
    index, leaf = record.leaf_index, record.leaf
    if record.payload is None:
        walk.bare.setdefault(leaf.id, index)
    if leaf.kind == "erasure":
        walk.erased.add(leaf.id)
    fault = fault_of(record)
    if fault is not None:
        raise BadLeaf(index, fault)
    decoded = _decoded(record)
    finding = Finding(conflict=_conflicts(walk, record)) if decoded is None else find(decoded)
    # The eraser destroys what a record was found by together with its payload; that ids came twice, the leaves say.
    if stored != finding:
        raise BadLeaf(index, f"its index row says {_spell(stored)}, its payload {_spell(finding)}")
    _check_sequence(walk, record, decoded)
    walk.frontier.append(record.leaf_hash)
    for tile in walk.edge.append(record.leaf_hash):
        if walk.reader.subtrees(tile.level, tile.position, tile.position + 1) != [tile.root]:
            first = tile.position << tile.level
            raise VerificationError(f"the stored root of leaves {first} to {index} is not what the leaves give")


def _decoded(record: StoredRecord) -> Record | None:
    if record.payload is None or record.leaf.kind == "span":
        return None
    return read_record(record.payload.span)


def _conflicts(walk: _Walk, record: StoredRecord) -> bool:
    if record.leaf.kind != "span":
        return False
    first = walk.reader.by_ids(record.leaf.trace, record.leaf.span, None, 1)
    return bool(first) and first[0].leaf_index < record.leaf_index


def _check_sequence(walk: _Walk, record: StoredRecord, decoded: Record | None) -> None:
    stream, seq = record.leaf.stream, record.leaf.seq
    if stream is None or seq is None:
        return
    expected = walk.next_seq.get(stream, 0)
    if seq < expected:
        raise BadLeaf(record.leaf_index, f"record {seq} of stream {uuid_text(stream)} stands after {expected - 1}")
    if seq > expected and not _gap_stands(walk, stream, expected, seq - 1):
        raise BadLeaf(record.leaf_index, f"records {expected} to {seq - 1} of stream {uuid_text(stream)} are missing")
    if decoded is not None and decoded.kind == "gap":
        _note_gap(walk, record, decoded)
    if (
        record.payload is not None
        and walk.contexts.setdefault(stream, record.payload.context) != record.payload.context
    ):
        raise BadLeaf(record.leaf_index, f"its Resource or scope is not the one of stream {uuid_text(stream)}")
    walk.next_seq[stream] = seq + 1
    walk.first.setdefault(stream, record)
    walk.last[stream] = record


def _gap_stands(walk: _Walk, stream: bytes, first: int, last: int) -> bool:
    return any(gap.first == first and gap.last == last for gap in walk.gaps.get(stream, ()))


def _note_gap(walk: _Walk, record: StoredRecord, decoded: Record) -> None:
    attributes = decoded.span.attributes
    target, first, last = (attributes.get(n) for n in (semconv.TARGET_STREAM, semconv.FIRST, semconv.LAST))
    if not isinstance(target, str) or not isinstance(first, int) or not isinstance(last, int):
        raise BadLeaf(record.leaf_index, "a gap record names a stream and the numbers that are missing")
    gap = Gap(record.leaf_index, parse_uuid(target), first, last)
    walk.gaps.setdefault(gap.stream, []).append(gap)


def _check_streams(walk: _Walk) -> None:
    size = walk.frontier.size
    states = {stream: walk.reader.stream(stream) for stream in walk.last}
    # Of a live store: a row may already follow from a record that came after those that were walked.
    for record in walk.reader.records(size, walk.reader.frontier().size):
        state = None if record.leaf.stream is None else states.get(record.leaf.stream)
        if state is not None and record.leaf.seq == state.next_seq - 1:
            walk.last[state.stream] = record
    for stream, state in states.items():
        last = walk.last[stream]
        if state is None or not _fits(walk, state, last):
            raise BadLeaf(last.leaf_index, f"the row of stream {uuid_text(stream)} does not follow from its records")
        if [gap for gap in walk.reader.gaps(stream) if gap.leaf_index < size] != walk.gaps.get(stream, []):
            raise BadLeaf(last.leaf_index, f"the gap rows of stream {uuid_text(stream)} do not follow from its records")


def _check_erasures(walk: _Walk) -> None:
    """A payload may be gone only if the log itself says that it was erased: the erasure's leaf has the same id."""
    if not walk.bare:
        return
    reader, size = walk.reader, walk.frontier.size
    # Of a live store: a payload may have been erased while the walk went on, and its erasure stands behind.
    behind = {r.leaf.id for r in reader.records(size, reader.frontier().size) if r.leaf.kind == "erasure"}
    for about, index in sorted(walk.bare.items(), key=itemgetter(1)):
        if about is None or about not in walk.erased | behind:
            raise BadLeaf(index, "its payload is gone, and no erasure record says why")


def _check_signed(
    reader: StoreReader, verifiers: Sequence[Verifier], kept: Iterable[Checkpoint], policy: Policy | None
) -> SoundLog:
    stored = reader.checkpoint()
    found = check_log(StoreLog(reader, stored), verifiers, kept, policy=policy)
    signed = found.checkpoint
    if stored is not None and (stored.size, stored.root) != (signed.size, signed.root):
        raise VerificationError(f"the checkpoint's row says size {stored.size}, its signed note {signed.size}")
    if reader.origin() != signed.origin:
        raise VerificationError(f"the store says it is the log {reader.origin()!r}, its checkpoint {signed.origin!r}")
    return found


def _fits(walk: _Walk, state: StreamState, last: StoredRecord) -> bool:
    """Whether a stream's row follows from its records; the producer alone is the word of who received them."""
    seq, first = last.leaf.seq, walk.first[state.stream]
    context = walk.contexts.get(state.stream)
    follows = (
        seq is not None
        and (state.next_seq, state.last_time, state.ended) == (seq + 1, last.leaf.time, last.leaf.kind == "end")
        and state.first_time == first.leaf.time
    )
    if not follows or context is None:  # all of its payloads were erased
        return follows
    return state.context == context and (state.model_id, state.model_version) == model_of(
        decode_resource(context.resource)
    )


def _spell(finding: Finding) -> str:
    said = [f"{name} {value}" for name, value in finding._asdict().items() if value not in (None, False)]
    return ", ".join(said) or "nothing"
