# SPDX-License-Identifier: Apache-2.0
"""The tree against RFC 6962's recursive definitions, known vectors and every mutated proof."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_sidecar.tlog.errors import Inconsistent, Malformed, NotIncluded
from audit_sidecar.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# Vectors: the leaves and hashes of the certificate-transparency reference tests.
CT_LEAVES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
INCLUSION_5_OF_7 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    CT_ROOTS[4],
]
CONSISTENCY_4_TO_8 = ["6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]
CONSISTENCY_3_TO_7 = [
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    CT_ROOTS[2],
    "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e",
]
LIMIT = 70
HASHES = [leaf_hash(b"entry %d" % n) for n in range(LIMIT)]


def subtree_of(hashes: Sequence[bytes]) -> Subtree:
    return lambda level, index: recursive_root(hashes[index << level : (index + 1) << level])


def largest_power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def recursive_root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = largest_power_below(len(hashes))
    return node_hash(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


def recursive_inclusion(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = largest_power_below(len(hashes))
    if index < split:
        return [*recursive_inclusion(index, hashes[:split]), recursive_root(hashes[split:])]
    return [*recursive_inclusion(index - split, hashes[split:]), recursive_root(hashes[:split])]


def recursive_consistency(old: int, hashes: Sequence[bytes], whole: bool = True) -> list[bytes]:
    if old == len(hashes):
        return [] if whole else [recursive_root(hashes)]
    split = largest_power_below(len(hashes))
    if old <= split:
        return [*recursive_consistency(old, hashes[:split], whole), recursive_root(hashes[split:])]
    return [*recursive_consistency(old - split, hashes[split:], False), recursive_root(hashes[:split])]


ROOTS = [recursive_root(HASHES[:size]) for size in range(LIMIT + 1)]


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutations(proof: list[bytes]) -> list[list[bytes]]:
    """Return proofs that are each wrong in one way: a bit, a missing hash, an extra hash, two swapped."""
    changed = [[*proof[:at], flip(proof[at], 37), *proof[at + 1 :]] for at in range(len(proof))]
    changed += [[*proof[:at], *proof[at + 1 :]] for at in range(len(proof))]
    changed += [[*proof[:at], bytes(32), *proof[at:]] for at in range(len(proof) + 1)]
    changed += [[*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]] for at in range(len(proof) - 1)]
    return changed


def test_roots_of_the_certificate_transparency_leaves() -> None:
    """The published roots of the classic eight leaves come out."""
    hashes = [leaf_hash(entry) for entry in CT_LEAVES]
    assert {size: root_of(hashes[:size]).hex() for size in CT_ROOTS} == CT_ROOTS
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()


def test_proofs_of_the_certificate_transparency_leaves() -> None:
    """The published proofs come out and verify."""
    hashes = [leaf_hash(entry) for entry in CT_LEAVES]
    subtree = subtree_of(hashes)
    assert [value.hex() for value in inclusion_proof(5, 7, subtree)] == INCLUSION_5_OF_7
    assert [value.hex() for value in consistency_proof(4, 8, subtree)] == CONSISTENCY_4_TO_8
    assert [value.hex() for value in consistency_proof(3, 7, subtree)] == CONSISTENCY_3_TO_7


def test_roots_of_numbered_entries() -> None:
    """Trees that span several tiles have the roots that the Go implementations compute."""
    frontier = Frontier()
    roots = {}
    for number in range(70_000):
        frontier.append(leaf_hash(b"entry %d" % number))
        if frontier.size in (257, 70_000):
            roots[frontier.size] = frontier.root().hex()
    assert roots == {
        257: "5c1fdfe835358022f2392de478dbe053fc130cfe1d3a082879a90cf6bf14bf7e",
        70_000: "a3920fba7f239a071a9bd10721f1341addefbaededb41c7e24437a9d16bdf00a",
    }


@pytest.mark.parametrize("size", range(LIMIT + 1))
def test_roots_follow_the_definition(size: int) -> None:
    """Frontier, `root_of` and `tree_root` agree with the recursive definition for every small size."""
    assert root_of(HASHES[:size]) == ROOTS[size]
    assert tree_root(size, subtree_of(HASHES)) == ROOTS[size]


@pytest.mark.parametrize("size", range(1, LIMIT + 1))
def test_inclusion_follows_the_definition_and_rejects_mutations(size: int) -> None:
    """Each inclusion proof equals the definition's and verifies; at another index or mutated it does not."""
    for index in range(size):
        proof = inclusion_proof(index, size, subtree_of(HASHES))
        assert proof == recursive_inclusion(index, HASHES[:size])
        verify_inclusion(HASHES[index], index, size, ROOTS[size], proof)
        for wrong in mutations(proof):
            with pytest.raises(NotIncluded):
                verify_inclusion(HASHES[index], index, size, ROOTS[size], wrong)
        with pytest.raises(NotIncluded):
            verify_inclusion(HASHES[index], (index + 1) % size if size > 1 else 1, size, ROOTS[size], proof)


@pytest.mark.parametrize("new", range(LIMIT + 1))
def test_consistency_follows_the_definition_and_rejects_mutations(new: int) -> None:
    """Each consistency proof equals the definition's and verifies; mutated or between wrong roots it does not."""
    for old in range(new + 1):
        proof = consistency_proof(old, new, subtree_of(HASHES))
        assert proof == (recursive_consistency(old, HASHES[:new]) if old else [])
        verify_consistency((old, ROOTS[old]), (new, ROOTS[new]), proof)
        for wrong in mutations(proof):
            with pytest.raises(Inconsistent):
                verify_consistency((old, ROOTS[old]), (new, ROOTS[new]), wrong)
        with pytest.raises(Inconsistent):
            verify_consistency((old, flip(ROOTS[old], 0)), (new, ROOTS[new]), proof)
        if old:  # nothing binds a tree to the empty one, which every tree extends
            with pytest.raises(Inconsistent):
                verify_consistency((old, ROOTS[old]), (new, flip(ROOTS[new], 0)), proof)


def test_a_smaller_tree_extends_nothing() -> None:
    """A rolled-back tree is inconsistent, and the error carries both trees."""
    with pytest.raises(Inconsistent) as caught:
        verify_consistency((5, ROOTS[5]), (4, ROOTS[4]), [])
    assert (caught.value.smaller, caught.value.larger) == ((5, ROOTS[5]), (4, ROOTS[4]))


def test_every_bit_of_an_inclusion_proof_counts() -> None:
    """No single-bit change of any proof hash, of the leaf or of the root verifies."""
    proof = inclusion_proof(5, 7, subtree_of(HASHES))
    for at in range(len(proof)):
        for bit in range(256):
            with pytest.raises(NotIncluded):
                verify_inclusion(HASHES[5], 5, 7, ROOTS[7], [*proof[:at], flip(proof[at], bit), *proof[at + 1 :]])
    for bit in range(256):
        with pytest.raises(NotIncluded):
            verify_inclusion(flip(HASHES[5], bit), 5, 7, ROOTS[7], proof)
        with pytest.raises(NotIncluded):
            verify_inclusion(HASHES[5], 5, 7, flip(ROOTS[7], bit), proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (-1, 7), (8, 7)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    """Neither building nor verifying accepts an index outside the tree."""
    with pytest.raises(NotIncluded):
        inclusion_proof(index, size, subtree_of(HASHES))
    with pytest.raises(NotIncluded):
        verify_inclusion(HASHES[0], index, size, ROOTS[7], [])


def test_hashes_have_32_bytes() -> None:
    """A hash of another length is refused wherever it enters."""
    with pytest.raises(Malformed):
        Frontier().append(b"short")
    with pytest.raises(Malformed):
        verify_inclusion(b"short", 0, 1, ROOTS[1], [])
    with pytest.raises(Malformed):
        verify_consistency((1, ROOTS[1]), (2, ROOTS[2]), [HASHES[1] + b"\0"])
    with pytest.raises(Malformed):
        consistency_proof(3, 2, subtree_of(HASHES))


@given(st.integers(0, LIMIT), st.integers(0, LIMIT))
def test_a_frontier_goes_on_after_a_round_trip(size: int, more: int) -> None:
    """A frontier read back from its bytes, or copied, grows like the original and leaves it alone."""
    frontier = Frontier()
    for leaf in HASHES[:size]:
        frontier.append(leaf)
    twin, again = frontier.copy(), Frontier.from_bytes(frontier.to_bytes())
    for leaf in HASHES[size : size + more]:
        twin.append(leaf)
        again.append(leaf)
    assert frontier.root() == ROOTS[size]
    assert twin.root() == again.root() == ROOTS[min(size + more, LIMIT)]
    assert again.to_bytes() == twin.to_bytes()


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(9), bytes(8) + bytes(32), (3).to_bytes(8, "big") + bytes(32)])
def test_a_frontier_of_the_wrong_length_is_refused(data: bytes) -> None:
    """The number of subtree roots must be the number of one bits of the size."""
    with pytest.raises(Malformed):
        Frontier.from_bytes(data)


@given(st.lists(st.integers(0, 90), max_size=6), st.integers(1, 4))
def test_leaves_in_bulk_make_the_same_tree(batches: list[int], step: int) -> None:
    """However they are divided; and every perfect subtree on a chosen level is returned once, in order, as it ends."""
    leaves = [leaf_hash(bytes([number & 0xFF, number >> 8])) for number in range(sum(batches))]
    bulk, single, found, start = Frontier(), Frontier(), [], 0
    for size in batches:
        found += bulk.extend(leaves[start : start + size], step)
        start += size
    for leaf in leaves:
        single.append(leaf)
    assert bulk.to_bytes() == single.to_bytes()
    expected = [
        (level, index, root_of(leaves[index << level : (index + 1) << level]))
        for level in range(step, 10, step)
        for index in range(len(leaves) >> level)
    ]
    assert sorted(found) == sorted(expected)
    assert [(index + 1) << level for level, index, _ in found] == sorted((i + 1) << at for at, i, _ in found)


def test_a_short_hash_in_bulk_is_refused() -> None:
    """As it is alone."""
    with pytest.raises(Malformed):
        Frontier().extend([b"short"], 8)
