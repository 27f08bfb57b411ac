# SPDX-License-Identifier: Apache-2.0
"""fsck of a store: besides the log itself, every row that claims to follow from a payload or from other rows.

The rows are walked first, for they name the leaf; the log is then checked as any C2SP log is.
"""

from collections.abc import Iterable, Sequence

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.check import BadLeaf, Progress, SoundLog, check_log
from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.sequence.plan import find
from audit_sidecar.stores.store import Finding, Gap, StoredRecord, StoreReader, StreamState
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.edge import TileEdge
from audit_sidecar.tlog.errors import RootMismatch, VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import Frontier, leaf_hash
from contracts import semconv
from contracts.commitment import commit
from contracts.errors import ContractError
from contracts.evidence import Record, read_record
from contracts.identifiers import parse_uuid, uuid_text
from contracts.leaf import derive_leaf, leaf_text
from contracts.payload import payload_bytes

_CHUNK = 512


class _Walk:
    """What the rows read so far imply for those that follow."""

    def __init__(self, reader: StoreReader) -> None:
        self.reader = reader
        self.frontier = Frontier()
        self.edge = TileEdge()
        self.next_seq: dict[bytes, int] = {}
        self.last: dict[bytes, StoredRecord] = {}
        self.gaps: dict[bytes, list[Gap]] = {}


def check_store(
    reader: StoreReader,
    verifiers: Sequence[Verifier],
    kept: Iterable[Checkpoint] = (),
    progress: Progress | None = None,
) -> SoundLog:
    """Return what was found of a sound store, or raise the VerificationError that names its first fault."""
    try:
        committed = reader.frontier()
    except StoreRefused as error:
        raise VerificationError(str(error)) from error
    if reader.leaf_hashes(committed.size, committed.size + 1):
        raise BadLeaf(committed.size, f"there is a row for it, but the log ends before, at size {committed.size}")
    walk = _Walk(reader)
    for low in range(0, committed.size, _CHUNK):
        high = min(low + _CHUNK, committed.size)
        findings = reader.findings(low, high)
        for record in reader.records(low, high):
            if record.leaf_index != walk.frontier.size:
                raise BadLeaf(walk.frontier.size, "its row is missing")
            _check_record(walk, record, findings.get(record.leaf_index, Finding()))
        if progress is not None:
            progress(high, committed.size)
    if walk.frontier.to_bytes() != committed.to_bytes():
        raise RootMismatch(committed.root(), walk.frontier.root())
    _check_streams(walk)
    return check_log(StoreLog(reader), verifiers, kept)


def _check_record(walk: _Walk, record: StoredRecord, stored: Finding) -> None:
    index, leaf = record.leaf_index, record.leaf
    if leaf_hash(leaf_text(leaf)) != record.leaf_hash:
        raise BadLeaf(index, f"its row gives the hash {leaf_hash(leaf_text(leaf)).hex()}, not {record.leaf_hash.hex()}")
    decoded = _check_payload(record)
    finding = Finding(conflict=_conflicts(walk, record)) if decoded is None else find(decoded)
    if record.payload is None:
        # The eraser destroys what a record was found by together with its payload.
        finding = Finding(conflict=stored.conflict)
    if stored != finding:
        raise BadLeaf(index, f"its index row says {_spell(stored)}, its payload {_spell(finding)}")
    _check_sequence(walk, record, decoded)
    walk.frontier.append(record.leaf_hash)
    for tile in walk.edge.append(record.leaf_hash):
        if walk.reader.subtrees(tile.level, tile.position, tile.position + 1) != [tile.root]:
            first = tile.position << tile.level
            raise VerificationError(f"the stored root of leaves {first} to {index} is not what the leaves give")


def _check_payload(record: StoredRecord) -> Record | None:
    if record.payload is None or record.salt is None:
        return None
    leaf = record.leaf
    try:
        if commit(record.salt, payload_bytes(record.payload)) != leaf.commitment:
            raise BadLeaf(record.leaf_index, "its payload does not open its commitment")
        derived = derive_leaf(record.payload, leaf.commitment, leaf.kind)
        if derived != leaf:
            differing = [name for name in leaf._fields if getattr(leaf, name) != getattr(derived, name)]
            raise BadLeaf(record.leaf_index, f"it does not say what its payload says of {', '.join(differing)}")
        return None if leaf.kind == "span" else read_record(record.payload.span)
    except ContractError as error:
        raise BadLeaf(record.leaf_index, f"its payload cannot be read: {error}") from error


def _conflicts(walk: _Walk, record: StoredRecord) -> bool:
    return record.leaf.kind == "span" and any(
        other.leaf.kind == "span" and other.leaf.span == record.leaf.span and other.leaf_index < record.leaf_index
        for other in walk.reader.by_trace(record.leaf.trace)
    )


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
    walk.next_seq[stream] = seq + 1
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
    for stream, last in walk.last.items():
        state = walk.reader.stream(stream)
        if state is None or not _fits(state, last):
            raise BadLeaf(last.leaf_index, f"the row of stream {uuid_text(stream)} does not follow from it")
        if walk.reader.gaps(stream) != walk.gaps.get(stream, []):
            raise BadLeaf(last.leaf_index, f"the gap rows of stream {uuid_text(stream)} do not follow from its records")


def _fits(state: StreamState, last: StoredRecord) -> bool:
    seq = last.leaf.seq
    ended = last.leaf.kind == "end"
    return seq is not None and (state.next_seq, state.last_time, state.ended) == (seq + 1, last.leaf.time, ended)


def _spell(finding: Finding) -> str:
    said = [f"{name} {value}" for name, value in finding._asdict().items() if value not in (None, False)]
    return ", ".join(said) or "nothing"
