# SPDX-License-Identifier: Apache-2.0
"""`c2sp.org/tlog-proof@v1`: one text file that shows offline that a log holds an entry.

A verified proof shows the leaf hash at its index in the tree of a checkpoint that a given key signed. `extra` is
carried but authenticated by nothing. What the entry says is left to others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, peek_checkpoint
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.merkle import HASH_SIZE, verify_inclusion
from audit_sidecar.tlog.note import MAX_NOTE_BYTES
from audit_sidecar.tlog.strict import MAX_SIZE, read_base64, read_decimal, read_hash, read_utf8, write_base64

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63  # the longest inclusion proof in a tree of at most 2**63 leaves


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where the entry stands, the sibling hashes from the leaf up, and the signed checkpoint note."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def encode_proof(proof: TlogProof) -> bytes:
    """Return the text of the proof; values that `parse_proof` would not give back are `Malformed`."""
    _require_fields(proof)
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {write_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines.extend(write_base64(value) for value in proof.hashes)
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Read the text of a proof, unverified; any other spelling of the same values is `Malformed`."""
    text = read_utf8(data, "the proof", 2 * MAX_NOTE_BYTES)
    head, blank, note = text.partition("\n\n")
    if not blank:
        raise Malformed("the proof has no blank line before its checkpoint")
    lines = head.split("\n")
    if lines[0] != HEADER:
        raise Malformed(f"the proof does not start with the line {HEADER}")
    del lines[0]
    extra = read_base64(lines.pop(0)[6:], "the proof's extra data") if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise Malformed("the proof has no index line after its header")
    index = read_decimal(lines[0][6:], "the proof's index")
    hashes = tuple(read_hash(line, f"hash {number} of the proof") for number, line in enumerate(lines[1:]))
    proof = TlogProof(index, hashes, note.encode(), extra)
    _require_fields(proof)
    return proof


def verify_proof(proof: TlogProof, leaf: bytes, verifiers: Iterable[Verifier]) -> Checkpoint:
    """Return the checkpoint whose tree holds leaf hash `leaf` at the proof's index."""
    checkpoint = open_checkpoint(proof.checkpoint, verifiers)
    verify_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)
    return checkpoint


def _require_fields(proof: TlogProof) -> None:
    if not 0 <= proof.index <= MAX_SIZE:
        raise Malformed(f"a leaf index is 0 to {MAX_SIZE}, not {proof.index}")
    if len(proof.hashes) > MAX_HASHES:
        raise Malformed(f"the proof has {len(proof.hashes)} hashes, more than {MAX_HASHES}")
    if any(len(value) != HASH_SIZE for value in proof.hashes):
        raise Malformed(f"a hash of the proof does not have {HASH_SIZE} bytes")
    peek_checkpoint(proof.checkpoint)
