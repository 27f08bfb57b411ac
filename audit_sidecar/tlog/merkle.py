# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 6962 §2.1 over SHA-256: roots, and proofs of inclusion and consistency.

Proofs are built from perfect subtrees that a callback supplies, so a store can answer from tiles; where the hashes
come from, and whether they are right, is the caller's concern. Verifying needs nothing but the arguments.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from audit_sidecar.tlog.errors import Inconsistent, Malformed, NotIncluded

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""`subtree(level, index)` is the root of the perfect tree over leaves `index << level` to `(index + 1) << level`."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, largest first."""

    __slots__ = ("_size", "_stack")

    def __init__(self) -> None:
        """Start with the empty tree."""
        self._size = 0
        self._stack: list[bytes] = []

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        if len(leaf) != HASH_SIZE:
            raise Malformed(f"a leaf hash has {HASH_SIZE} bytes, not {len(leaf)}")
        stack, size = self._stack, self._size
        while size & 1:
            leaf = sha256(b"\x01" + stack.pop() + leaf).digest()
            size >>= 1
        stack.append(leaf)
        self._size += 1

    def extend(self, leaves: Iterable[bytes], step: int) -> list[tuple[int, int, bytes]]:
        """Add leaf hashes in order, and return `(level, index, root)` of each perfect subtree that they complete.

        Only subtrees at levels that are multiples of `step` are returned, leaves aside.
        """
        stack, completed = self._stack, []
        for index, leaf in enumerate(leaves, start=self._size):
            if len(leaf) != HASH_SIZE:
                raise Malformed(f"a leaf hash has {HASH_SIZE} bytes, not {len(leaf)}")
            node, level, hash_ = index, 0, leaf
            while node & 1:
                hash_ = sha256(b"\x01" + stack.pop() + hash_).digest()
                node >>= 1
                level += 1
                if not level % step:
                    completed.append((level, node, hash_))
            stack.append(hash_)
            self._size = index + 1
        return completed

    def root(self) -> bytes:
        """Return the root hash of all leaves so far."""
        return _fold(self._stack)

    def copy(self) -> "Frontier":
        """Return an independent frontier of the same tree."""
        twin = Frontier()
        twin._size, twin._stack = self._size, self._stack.copy()
        return twin

    def to_bytes(self) -> bytes:
        """Return the size as u64 big-endian and the subtree roots, largest first."""
        return self._size.to_bytes(8, "big") + b"".join(self._stack)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """Read what `to_bytes` wrote; anything else is `Malformed`."""
        size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + HASH_SIZE * size.bit_count():
            raise Malformed(f"a frontier of size {size} does not have {len(data)} bytes")
        frontier = cls()
        frontier._size = size
        frontier._stack = [data[at : at + HASH_SIZE] for at in range(8, len(data), HASH_SIZE)]
        return frontier


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root hash of the tree with these leaf hashes."""
    frontier = Frontier()
    for leaf in leaf_hashes:
        frontier.append(leaf)
    return frontier.root()


def tree_root(size: int, subtree: Subtree) -> bytes:
    """Return the root hash of the first `size` leaves."""
    return _range_root(0, size, subtree)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the siblings from the leaf up that show leaf `index` in the tree of `size` leaves."""
    if not 0 <= index < size:
        raise NotIncluded(index, size, "the index lies outside the tree")
    proof, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_root(middle, high, subtree))
            high = middle
        else:
            proof.append(_range_root(low, middle, subtree))
            low = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the hashes that show the tree of `new` leaves to extend the tree of `old` leaves."""
    if not 0 <= old <= new:
        raise Malformed(f"there is no consistency proof from size {old} to size {new}")
    if old in (0, new):
        return []
    proof, low, high = [], 0, new
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(middle, high, subtree))
            high = middle
        else:
            proof.append(_range_root(low, middle, subtree))
            low = middle
    if low:  # otherwise the old tree is itself the subtree and its root is known to the verifier
        proof.append(_range_root(low, high, subtree))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `NotIncluded` unless the proof leads from leaf hash `leaf` at `index` to `root` (RFC 9162 §2.1.3.2)."""
    _require_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise NotIncluded(index, size, "the index lies outside the tree")
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise NotIncluded(index, size, "the proof has too many hashes")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            node, last = _skip_missing_siblings(node, last)
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise NotIncluded(index, size, "the proof has too few hashes")
    if computed != root:
        raise NotIncluded(index, size, f"the proof leads to root {computed.hex()}, not to {root.hex()}")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Raise `Inconsistent` unless tree `new` extends tree `old`, `(size, root)` each (RFC 9162 §2.1.4.2)."""
    _require_hashes(old[1], new[1], *proof)
    if not 0 <= old[0] <= new[0]:
        raise Inconsistent(old, new, "it is smaller")
    if old[0] in (0, new[0]):
        _verify_trivial_consistency(old, new, proof)
        return
    path = [old[1], *proof] if old[0].bit_count() == 1 else list(proof)
    if not path:
        raise Inconsistent(old, new, "the proof has no hashes")
    roots = _fold_consistency(old, new, path)
    if roots != (old[1], new[1]):
        raise Inconsistent(old, new, f"the proof leads to roots {roots[0].hex()} and {roots[1].hex()}")


def _verify_trivial_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    if proof:
        raise Inconsistent(old, new, "the proof has hashes where none belong")
    if old[0] == 0 and old[1] != EMPTY_ROOT:
        raise Inconsistent(old, new, "the root of size 0 is not that of the empty tree")
    if old[0] == new[0] and old[1] != new[1]:
        raise Inconsistent(old, new, "one size has two roots")


def _fold_consistency(old: tuple[int, bytes], new: tuple[int, bytes], path: list[bytes]) -> tuple[bytes, bytes]:
    node, last = old[0] - 1, new[0] - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Inconsistent(old, new, "the proof has too many hashes")
        if node & 1 or node == last:
            old_root, new_root = node_hash(sibling, old_root), node_hash(sibling, new_root)
            node, last = _skip_missing_siblings(node, last)
        else:
            new_root = node_hash(new_root, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise Inconsistent(old, new, "the proof has too few hashes")
    return old_root, new_root


def _skip_missing_siblings(node: int, last: int) -> tuple[int, int]:
    # On the ragged right edge a node without a right sibling moves up unhashed until it is itself a right child.
    while node and not node & 1:
        node, last = node >> 1, last >> 1
    return node, last


def _require_hashes(*hashes: bytes) -> None:
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise Malformed(f"a SHA-256 hash has {HASH_SIZE} bytes, not {len(value)}")


def _split(count: int) -> int:
    """Return the largest power of two strictly below `count`, for `count` of at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(low: int, high: int, subtree: Subtree) -> bytes:
    """Return the root over leaves `low` to `high`, where `low` is aligned to the largest subtree of the range."""
    parts = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(subtree(level, low >> level))
        low += 1 << level
    return _fold(parts)


def _fold(perfect_roots: Sequence[bytes]) -> bytes:
    if not perfect_roots:
        return EMPTY_ROOT
    computed = perfect_roots[-1]
    for left in reversed(perfect_roots[:-1]):
        computed = node_hash(left, computed)
    return computed
