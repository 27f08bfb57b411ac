# SPDX-License-Identifier: Apache-2.0
"""C2SP tlog-tiles: where each tile and entry bundle of a log lies, and what its bytes must be.

A tile holds up to 256 hashes of one level, a bundle the entries under one level-0 tile. Paths are relative to the
log's prefix. Reading and writing the files is left to others.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.merkle import HASH_SIZE, root_of
from audit_sidecar.tlog.strict import MAX_SIZE

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_ENTRY_SIZE = 65_535
MAX_LEVEL = 63

_INDEX = r"(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
_TILE_PATH = re.compile(rf"tile/(?P<level>0|[1-9][0-9]?)/{_INDEX}", re.ASCII)
_ENTRIES_PATH = re.compile(rf"tile/entries/{_INDEX}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its level, its index on that level, and how many hashes it holds (1 to 256)."""

    level: int
    index: int
    width: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """One entry bundle: its index and how many entries it holds (1 to 256)."""

    index: int
    width: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where a perfect subtree stands: `count` hashes from `offset` of tile `index` on `level`."""

    level: int
    index: int
    offset: int
    count: int


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile."""
    if not 0 <= level <= MAX_LEVEL:
        raise Malformed(f"a tile level is 0 to {MAX_LEVEL}, not {level}")
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle."""
    return f"tile/entries/{_index_path(index, width)}"


def parse_tile_path(path: str) -> Tile:
    """Read what `tile_path` writes; any other spelling is `Malformed`."""
    match = _TILE_PATH.fullmatch(path)
    if not match or int(match["level"]) > MAX_LEVEL:
        raise Malformed(f"not the path of a tile: {path[:120]!r}")
    return Tile(int(match["level"]), *_read_index(match, path))


def parse_entries_path(path: str) -> Bundle:
    """Read what `entries_path` writes; any other spelling is `Malformed`."""
    match = _ENTRIES_PATH.fullmatch(path)
    if not match:
        raise Malformed(f"not the path of an entry bundle: {path[:120]!r}")
    return Bundle(*_read_index(match, path))


def required_tiles(size: int, since: int = 0) -> Iterator[Tile]:
    """Yield every tile of a tree of `size` leaves that a tree of `since` leaves did not have, lowest level first."""
    level = 0
    while size >> (TILE_HEIGHT * level):
        hashes, held = size >> (TILE_HEIGHT * level), since >> (TILE_HEIGHT * level)
        for bundle in _required(hashes, held):
            yield Tile(level, bundle.index, bundle.width)
        level += 1


def required_entries(size: int, since: int = 0) -> Iterator[Bundle]:
    """Yield every entry bundle of a log of `size` entries that a log of `since` entries did not have."""
    yield from _required(size, since)


def locate(level: int, index: int) -> Position:
    """Return the tile hashes that make up the perfect subtree of `2**level` leaves at `index`."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = index << height
    return Position(tile_level, first // TILE_WIDTH, first % TILE_WIDTH, 1 << height)


def subtree_root(tile: bytes, position: Position) -> bytes:
    """Return the root of the perfect subtree at `position`, given the bytes of its tile."""
    return root_of(tile_hashes(tile, position.offset + position.count, at_least=True)[position.offset :])


def tile_hashes(tile: bytes, width: int, *, at_least: bool = False) -> list[bytes]:
    """Return the first `width` hashes of a tile that holds exactly (or `at_least`) so many."""
    held, rest = divmod(len(tile), HASH_SIZE)
    if rest or held > TILE_WIDTH or held < width or (held > width and not at_least):
        raise Malformed(f"a tile of width {width} does not have {len(tile)} bytes")
    return [tile[at : at + HASH_SIZE] for at in range(0, width * HASH_SIZE, HASH_SIZE)]


def tile_root(tile: bytes) -> bytes:
    """Return the root of a full tile: the hash that stands for it one tile level up."""
    return root_of(tile_hashes(tile, TILE_WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of a bundle: each entry after its length as u16 big-endian."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise Malformed(f"an entry bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}")
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_SIZE:
            raise Malformed(f"an entry has at most {MAX_ENTRY_SIZE} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return exactly `width` entries; fewer, more, or dangling bytes are `Malformed`."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Malformed(f"entry {len(entries)} of the bundle is cut off at byte {len(data)}")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != width:
        raise Malformed(f"the bundle holds {len(entries)} entries, not {width}")
    if at != len(data):
        raise Malformed(f"{len(data) - at} bytes follow the {width} entries of the bundle")
    return entries


def _required(hashes: int, held: int) -> Iterator[Bundle]:
    full, width = divmod(hashes, TILE_WIDTH)
    for index in range(held // TILE_WIDTH, full):
        yield Bundle(index, TILE_WIDTH)
    if width and hashes > held:
        yield Bundle(full, width)


def _index_path(index: int, width: int) -> str:
    if not 0 <= index <= MAX_SIZE:
        raise Malformed(f"a tile index is 0 to {MAX_SIZE}, not {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise Malformed(f"a tile width is 1 to {TILE_WIDTH}, not {width}")
    path = f"{index % 1000:03d}"
    while index := index // 1000:
        path = f"x{index % 1000:03d}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _read_index(match: re.Match[str], path: str) -> tuple[int, int]:
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    partial = match["width"] is not None
    if partial and width >= TILE_WIDTH:
        raise Malformed(f"a partial tile is 1 to {TILE_WIDTH - 1} wide: {path[:120]!r}")
    digits = match["index"].replace("x", "").replace("/", "")
    if len(digits) > 21 or int(digits) > MAX_SIZE:
        raise Malformed(f"the tile index is out of range: {path[:120]!r}")
    if match["index"].startswith("x000"):
        raise Malformed(f"the tile index has a leading zero group: {path[:120]!r}")
    return int(digits), width
