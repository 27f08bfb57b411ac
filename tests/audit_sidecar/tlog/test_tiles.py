# SPDX-License-Identifier: Apache-2.0
"""Tile paths, required tiles and bundles against the C2SP tlog-tiles examples, with round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.merkle import leaf_hash, root_of, tree_root
from audit_sidecar.tlog.tiles import (
    Bundle,
    Tile,
    decode_bundle,
    encode_bundle,
    entries_path,
    locate,
    parse_entries_path,
    parse_tile_path,
    required_entries,
    required_tiles,
    subtree_root,
    tile_hashes,
    tile_path,
    tile_root,
)

INDEXES = st.integers(0, 2**63 - 1)
WIDTHS = st.integers(1, 256)


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (5, "005"), (999, "999"), (1000, "x001/000"), (1234, "x001/234"), (1234067, "x001/x234/067")],
)
def test_paths_of_the_specification(index: int, path: str) -> None:
    """An index is written in groups of three digits, all but the last marked with x."""
    assert tile_path(0, index) == f"tile/0/{path}"
    assert entries_path(index, 112) == f"tile/entries/{path}.p/112"


@given(st.integers(0, 63), INDEXES, WIDTHS)
def test_paths_round_trip(level: int, index: int, width: int) -> None:
    """Whatever path is written is read back as the same tile."""
    assert parse_tile_path(tile_path(level, index, width)) == Tile(level, index, width)
    assert parse_entries_path(entries_path(index, width)) == Bundle(index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x000/005", "tile/0/5", "tile/0/0005", "tile/00/005", "tile/64/005", "tile/100/005", "tile/0/001/234",
        "tile/0/x001", "tile/0/005.p/0", "tile/0/005.p/256", "tile/0/005.p/01", "tile/0/005.p/999", "tile/0/005.p/",
        "tile/0/005/", "/tile/0/005", "tile/0/005\n", "tile/-1/005", "tile/0/٠٠٥", "tile/0/x1000/005",
        "tile/0/X001/005",
        "tile/0/../0/005", "tile/entries/005", "", "tile/0/" + "x999/" * 6 + "999", "tile/0/" + "x001/" * 40 + "000",
    ],
)  # fmt: skip
def test_other_spellings_of_tile_paths_are_refused(path: str) -> None:
    """A path with leading zeros, an impossible width, foreign digits or steps aside names no tile."""
    with pytest.raises(Malformed):
        parse_tile_path(path)


@pytest.mark.parametrize("path", ["tile/entries/5", "tile/0/005", "tile/entries/x000/005", "tile/entries/005.p/256"])
def test_other_spellings_of_bundle_paths_are_refused(path: str) -> None:
    """The rules for tiles hold for entry bundles."""
    with pytest.raises(Malformed):
        parse_entries_path(path)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)]
)
def test_impossible_tiles_have_no_path(level: int, index: int, width: int) -> None:
    """A tile that no log can have is refused instead of written."""
    with pytest.raises(Malformed):
        tile_path(level, index, width)


def test_required_tiles_of_the_specification() -> None:
    """Sizes 256 and 70,000 need the tiles that the specification names, and 70,000 makes 551 files."""
    assert list(required_tiles(0)) == []
    assert list(required_tiles(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    tiles = list(required_tiles(70_000))
    assert tiles[:273] == [Tile(0, index, 256) for index in range(273)]
    assert tiles[273:] == [Tile(0, 273, 112), Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]
    bundles = list(required_entries(70_000))
    assert bundles == [Bundle(index, 256) for index in range(273)] + [Bundle(273, 112)]
    assert len(tiles) + len(bundles) == 551


@given(st.integers(0, 140_000), st.integers(0, 3_000))
def test_growth_needs_exactly_the_tiles_that_are_new(old: int, growth: int) -> None:
    """What the larger tree needs is what it newly needs and what the smaller tree already had."""
    before, after = set(required_tiles(old)), set(required_tiles(old + growth))
    assert set(required_tiles(old + growth, since=old)) == after - before
    assert set(required_entries(old + growth, since=old)) == set(required_entries(old + growth)) - set(
        required_entries(old)
    )


def test_tiles_answer_for_every_subtree() -> None:
    """Roots built only from tiles, full and partial, equal those built from leaves."""
    size = 66_000
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    levels = [leaves]
    while len(levels[-1]) >= 256:
        below = levels[-1]
        levels.append([tile_root(b"".join(below[at : at + 256])) for at in range(0, len(below) // 256 * 256, 256)])

    def subtree(level: int, index: int) -> bytes:
        place = locate(level, index)
        return subtree_root(b"".join(levels[place.level][place.index * 256 : place.index * 256 + 256]), place)

    for prefix in (1, 255, 256, 257, 65_535, 65_536, 65_537, size):
        assert tree_root(prefix, subtree) == root_of(leaves[:prefix])


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    """A bundle gives back exactly its entries, and only for exactly its width."""
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    for wrong in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(Malformed):
            decode_bundle(data, wrong)
    with pytest.raises(Malformed):
        decode_bundle(data[:-1], len(entries))
    with pytest.raises(Malformed):
        decode_bundle(data + b"\0", len(entries))


def test_the_largest_entry_fits_and_the_next_does_not() -> None:
    """Entries have up to 65,535 bytes, bundles 1 to 256 entries."""
    assert decode_bundle(encode_bundle([bytes(65_535)]), 1) == [bytes(65_535)]
    for entries in ([bytes(65_536)], [], [b""] * 257):
        with pytest.raises(Malformed):
            encode_bundle(entries)


@pytest.mark.parametrize("size", [0, 31, 33, 64, 256 * 32 + 32])
def test_a_tile_holds_exactly_its_width(size: int) -> None:
    """Bytes that are not width times 32 are refused."""
    with pytest.raises(Malformed):
        tile_hashes(bytes(size), 1)
    with pytest.raises(Malformed):
        tile_root(bytes(size))
