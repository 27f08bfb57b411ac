# SPDX-License-Identifier: Apache-2.0
"""C2SP tlog-checkpoint: the signed statement that a log of this origin has this size and root hash.

An opened checkpoint was signed by a given key whose name is the checkpoint's origin: a witness's key, or another log's,
is never taken for the log's. Whether two checkpoints agree is left to `merkle.verify_consistency`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.keys import NoteSigner, Verifier
from audit_sidecar.tlog.merkle import EMPTY_ROOT, HASH_SIZE
from audit_sidecar.tlog.note import open_note, parse_note, sign_note
from audit_sidecar.tlog.strict import MAX_SIZE, read_decimal, read_hash, write_base64


class Checkpoint(NamedTuple):
    """A tree size and its root hash under an origin, with any extension lines (this product writes none)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return the text that is signed; values that `from_text` would not give back are `Malformed`."""
        lines = (self.origin, str(self.size), write_base64(self.root), *self.extensions)
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE or any("\n" in line for line in lines):
            raise Malformed(f"not a checkpoint: size {self.size}, root {self.root.hex()}, origin {self.origin[:80]!r}")
        text = "".join(f"{line}\n" for line in lines)
        Checkpoint.from_text(text)
        return text

    @classmethod
    def from_text(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint note; any other spelling of the same values is `Malformed`."""
        if not text.endswith("\n"):
            raise Malformed("the checkpoint's last line is cut off")
        lines = text[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise Malformed("a checkpoint is the lines origin, size and root hash, none of them empty")
        checkpoint = cls(
            origin=lines[0],
            size=read_decimal(lines[1], "the checkpoint's size"),
            root=read_hash(lines[2], "the checkpoint's root hash"),
            extensions=tuple(lines[3:]),
        )
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise Malformed("the checkpoint of size 0 does not have the root hash of the empty tree")
        return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner]) -> bytes:
    """Return the signed note; every signer's key name must be the checkpoint's origin."""
    for signer in signers:
        if signer.verifier.name != checkpoint.origin:
            raise Malformed(f"the key {signer.verifier.name!r} does not sign for the origin {checkpoint.origin!r}")
    return sign_note(checkpoint.to_text(), signers)


def open_checkpoint(note: bytes, verifiers: Iterable[Verifier], origin: str | None = None) -> Checkpoint:
    """Return the checkpoint that a key named as its origin signed; with `origin`, no other log's is accepted."""
    opened = open_note(note, verifiers)
    checkpoint = Checkpoint.from_text(opened.text)
    if origin is not None and checkpoint.origin != origin:
        raise BadSignature(f"the checkpoint is of the log {checkpoint.origin!r}, not of {origin!r}")
    if all(signature.name != checkpoint.origin for signature in opened.verified):
        raise BadSignature(f"none of the given keys that signed is the key of the log {checkpoint.origin!r}")
    return checkpoint


def peek_checkpoint(note: bytes) -> Checkpoint:
    """Return what a note claims, unverified: only for finding out which key is needed."""
    return Checkpoint.from_text(parse_note(note)[0])
