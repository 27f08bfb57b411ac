# SPDX-License-Identifier: Apache-2.0
"""The check of a whole log: entries to leaves to hashes to every tile of every level to the signed root.

A sound log is exactly what its checkpoint signs, in every file a reader could fetch. That it was never rewritten or
cut short shows only against checkpoints kept elsewhere; all are compared in the same pass over the same bytes, since
an untrusted store could answer a second pass differently.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from audit_sidecar.fsck.reader import LogReader, MissingFile
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint
from audit_sidecar.tlog.errors import Inconsistent, Malformed, RootMismatch, VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import EMPTY_ROOT, Frontier, leaf_hash, root_of
from audit_sidecar.tlog.policy import Policy
from audit_sidecar.tlog.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    decode_bundle,
    entries_path,
    required_entries,
    tile_hashes,
    tile_path,
)
from contracts.errors import ContractError
from contracts.leaf import parse_leaf

Progress = Callable[[int, int], None]
"""``progress(leaves done, leaves in all)``, called after each bundle."""


class BadLeaf(VerificationError):
    """The first leaf that is not what the log's other bytes say it is."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"leaf {index}: {reason}")
        self.index = index


class BadTile(VerificationError):
    """A tile or bundle that does not follow from the entries; ``first`` and ``last`` are the leaves it stands for."""

    def __init__(self, path: str, first: int, last: int, reason: str) -> None:
        super().__init__(f"{path} (leaves {first} to {last}): {reason}")
        self.first = first
        self.last = last


@dataclass(frozen=True, slots=True)
class SoundLog:
    """What a sound log was found to be: its checkpoint, its leaves by kind, and the kept checkpoints it extends.

    ``cosigned`` says when each witness of the policy saw the checkpoint, in unix seconds; None without a policy.
    """

    checkpoint: Checkpoint
    kinds: Counter[str]
    kept: tuple[Checkpoint, ...]
    cosigned: Mapping[str, int] | None = None


@dataclass(slots=True)
class _Pass:
    reader: LogReader
    frontier: Frontier = field(default_factory=Frontier)
    edges: list[list[bytes]] = field(default_factory=list)  # per level, the hashes of the tile being filled
    kinds: Counter[str] = field(default_factory=Counter)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})


def check_log(
    reader: LogReader,
    verifiers: Sequence[Verifier],
    kept: Iterable[Checkpoint] = (),
    progress: Progress | None = None,
    policy: Policy | None = None,
) -> SoundLog:
    """Return what was found of a sound log, or raise the `VerificationError` that names its first fault.

    ``kept`` are checkpoints whose signature the caller has verified; the log must extend every one of them. With a
    ``policy`` its checkpoint must be cosigned by the witnesses' quorum.
    """
    note = reader.checkpoint()
    checkpoint = open_checkpoint(note, verifiers)
    cosigned = None if policy is None else policy.require_quorum(note)
    earlier = tuple(kept)
    wanted = {other.size for other in earlier}
    _require_no_smaller(checkpoint, earlier)
    state = _Pass(reader)
    for bundle in required_entries(checkpoint.size):
        leaves = _read_bundle(state, bundle)
        _append(state, leaves, wanted)
        _compare_tile(state, 0, bundle.index, leaves)
        if progress is not None:
            progress(state.frontier.size, checkpoint.size)
    for level, hashes in enumerate(state.edges):
        if level and hashes:
            _compare_tile(state, level, (checkpoint.size >> TILE_HEIGHT * level) // TILE_WIDTH, hashes)
    if state.frontier.root() != checkpoint.root:
        raise RootMismatch(checkpoint.root, state.frontier.root())
    _require_extends(checkpoint, earlier, state.roots)
    return SoundLog(checkpoint, state.kinds, earlier, cosigned)


def _require_no_smaller(checkpoint: Checkpoint, earlier: Iterable[Checkpoint]) -> None:
    for other in earlier:
        if other.origin != checkpoint.origin:
            raise VerificationError(f"the kept checkpoint is of the log {other.origin!r}, not of {checkpoint.origin!r}")
        if other.size > checkpoint.size:
            reason = "the log is smaller than it was: it was cut short, or this is an older copy"
            raise Inconsistent((other.size, other.root), (checkpoint.size, checkpoint.root), reason)


def _require_extends(checkpoint: Checkpoint, earlier: Iterable[Checkpoint], roots: dict[int, bytes]) -> None:
    for other in earlier:
        if roots[other.size] != other.root:
            reason = f"its first {other.size} leaves have root {roots[other.size].hex()}: history was rewritten"
            raise Inconsistent((other.size, other.root), (checkpoint.size, checkpoint.root), reason)


def _read_bundle(state: _Pass, bundle: Bundle) -> list[bytes]:
    """Return the leaf hashes of a bundle whose every entry is a canonical leaf."""
    first = bundle.index * TILE_WIDTH
    path = entries_path(bundle.index, bundle.width)
    try:
        entries = _fetch_entries(state.reader, bundle)
    except (Malformed, MissingFile) as error:
        raise BadTile(path, first, first + bundle.width - 1, str(error)) from error
    for number, entry in enumerate(entries, start=first):
        try:
            state.kinds[parse_leaf(entry).kind] += 1
        except ContractError as error:
            raise BadLeaf(number, f"its entry is no leaf: {error}") from error
    return [leaf_hash(entry) for entry in entries]


def _append(state: _Pass, leaves: list[bytes], wanted: set[int]) -> None:
    for leaf in leaves:
        state.frontier.append(leaf)
        if state.frontier.size in wanted:
            state.roots[state.frontier.size] = state.frontier.root()


def _compare_tile(state: _Pass, level: int, index: int, hashes: list[bytes]) -> None:
    """Compare a stored tile with the hashes derived for it; a full one is then carried one level up."""
    span = 1 << TILE_HEIGHT * level
    first = index * TILE_WIDTH * span
    path = tile_path(level, index, len(hashes))
    try:
        stored = _fetch_tile(state.reader, level, index, len(hashes))
    except (Malformed, MissingFile) as error:
        raise BadTile(path, first, first + len(hashes) * span - 1, str(error)) from error
    for offset, (derived, found) in enumerate(zip(hashes, stored, strict=True)):
        if derived == found:
            continue
        if level == 0:
            raise BadLeaf(first + offset, f"its entry hashes to {derived.hex()}, {path} holds {found.hex()}")
        low = first + offset * span
        reason = f"holds {found.hex()}, its leaves give {derived.hex()}"
        raise BadTile(path, low, low + span - 1, reason)
    if len(hashes) == TILE_WIDTH:
        _carry(state, level + 1, root_of(hashes))


def _carry(state: _Pass, level: int, full_tile_root: bytes) -> None:
    while len(state.edges) <= level:
        state.edges.append([])
    edge = state.edges[level]
    edge.append(full_tile_root)
    if len(edge) == TILE_WIDTH:
        state.edges[level] = []
        _compare_tile(state, level, (state.frontier.size >> TILE_HEIGHT * level) // TILE_WIDTH - 1, edge)


def _fetch_entries(reader: LogReader, bundle: Bundle) -> list[bytes]:
    try:
        return decode_bundle(reader.entries(bundle.index, bundle.width), bundle.width)
    except MissingFile:
        # A partial file may be deleted once the full one exists (C2SP tlog-tiles).
        if bundle.width == TILE_WIDTH:
            raise
        return decode_bundle(reader.entries(bundle.index, TILE_WIDTH), TILE_WIDTH)[: bundle.width]


def _fetch_tile(reader: LogReader, level: int, index: int, width: int) -> list[bytes]:
    try:
        return tile_hashes(reader.tile(level, index, width), width)
    except MissingFile:
        if width == TILE_WIDTH:
            raise
        return tile_hashes(reader.tile(level, index, TILE_WIDTH), TILE_WIDTH)[:width]
