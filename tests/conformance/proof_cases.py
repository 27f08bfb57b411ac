# SPDX-License-Identifier: Apache-2.0
"""Proofs of inclusion and consistency, right ones and wrong ones, as questions that ours and other verifiers answer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(f"entry {number}".encode()) for number in range(1100)]


class Case(NamedTuple):
    """A question, and whether it is right; None where the format leaves it open and only agreement is asked for."""

    name: str
    question: dict[str, Any]
    right: bool | None


def ours(question: dict[str, Any]) -> bool:
    """Our verdict."""
    try:
        if question["ask"] == "inclusion":
            names = ("leaf", "index", "size", "root", "hashes")
            verify_inclusion(*(question[name] for name in names))
        else:
            old, new = (question["old_size"], question["old_root"]), (question["size"], question["root"])
            verify_consistency(old, new, question["hashes"])
    except VerificationError:
        return False
    return True


def subtree(level: int, index: int) -> bytes:
    """The root of a perfect subtree over `LEAVES`."""
    return root_of(LEAVES[index << level : (index + 1) << level])


def inclusion(index: int, size: int) -> dict[str, Any]:
    """A right question."""
    return {
        "ask": "inclusion", "index": index, "size": size, "root": root_of(LEAVES[:size]), "leaf": LEAVES[index],
        "hashes": inclusion_proof(index, size, subtree),
    }  # fmt: skip


def consistency(old: int, new: int) -> dict[str, Any]:
    """A right question."""
    return {
        "ask": "consistency", "old_size": old, "old_root": root_of(LEAVES[:old]), "size": new,
        "root": root_of(LEAVES[:new]), "hashes": consistency_proof(old, new, subtree),
    }  # fmt: skip


def inclusion_cases(index: int, size: int) -> Iterator[Case]:
    """The right proof and everything that can be wrong with it."""
    right = inclusion(index, size)
    name = f"leaf {index} of {size}"
    yield Case(name, right, True)
    yield from _mutations(name, right, ("root", "leaf"))
    for other in {index - 1, index + 1, index ^ 1, index + size, -1 - index} - {index}:
        # Whoever asks for a leaf that the tree does not have, or has elsewhere, is refused.
        yield Case(f"{name}, index {other}", right | {"index": other}, False)
    for other in {0, size - 1, size + 1, 2 * size, -size} - {size}:
        # Only the root binds the size: where another size asks for the same path, it is none the wiser.
        yield Case(f"{name}, size {other}", right | {"size": other}, None)
    if size > 1:
        yield Case(f"{name}, leaf for root", right | {"root": right["leaf"], "hashes": []}, False)


def consistency_cases(old: int, new: int) -> Iterator[Case]:
    """The right proof and everything that can be wrong with it."""
    right = consistency(old, new)
    name = f"{old} to {new}"
    yield Case(name, right, True)
    yield from _mutations(name, right, ("root", "old_root"))
    for other in {old - 1, old + 1, new + 1, -old} - {old, 0}:
        yield Case(f"{name}, from {other}", right | {"old_size": other}, None)
    for other in {new - 1, new + 1, old - 1, 0} - {new}:
        yield Case(f"{name}, up to {other}", right | {"size": other}, None)
    if old != new:
        turned = {"old_size": new, "old_root": right["root"], "size": old, "root": right["old_root"]}
        yield Case(f"{name}, backwards", right | turned, False)
        yield Case(f"{name}, no proof", right | {"hashes": []}, False)
        yield Case(f"{name}, one root for both", right | {"old_root": right["root"]}, False)


def _mutations(name: str, right: dict[str, Any], roots: tuple[str, ...]) -> Iterator[Case]:
    hashes: list[bytes] = right["hashes"]
    for field in roots:
        yield Case(f"{name}, {field} flipped", right | {field: _flipped(right[field])}, False)
        yield Case(f"{name}, {field} of nothing", right | {field: EMPTY_ROOT}, False)
        yield Case(f"{name}, {field} cut", right | {field: right[field][:31]}, False)
    yield Case(f"{name}, one hash more", right | {"hashes": [*hashes, bytes(32)]}, False)
    yield Case(f"{name}, one hash before", right | {"hashes": [right["root"], *hashes]}, False)
    for at, value in enumerate(hashes):
        around = hashes[:at], hashes[at + 1 :]
        yield Case(f"{name}, hash {at} flipped", right | {"hashes": [*around[0], _flipped(value), *around[1]]}, False)
        yield Case(f"{name}, hash {at} left out", right | {"hashes": [*around[0], *around[1]]}, False)
        yield Case(f"{name}, hash {at} twice", right | {"hashes": [*around[0], value, value, *around[1]]}, False)
        yield Case(f"{name}, hash {at} cut", right | {"hashes": [*around[0], value[:31], *around[1]]}, False)
    for at in range(len(hashes) - 1):
        swapped = [*hashes[:at], hashes[at + 1], hashes[at], *hashes[at + 2 :]]
        yield Case(f"{name}, hashes {at} and {at + 1} exchanged", right | {"hashes": swapped}, False)


def _flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]
