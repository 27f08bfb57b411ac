# SPDX-License-Identifier: Apache-2.0
"""A small log of real evidence, built from published parts only: payloads, leaves, tiles, receipts and answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audit_sidecar.tlog.checkpoint import Checkpoint, sign_checkpoint
from audit_sidecar.tlog.keys import Signer
from audit_sidecar.tlog.merkle import inclusion_proof, leaf_hash, root_of
from audit_sidecar.tlog.proof import TlogProof, encode_proof
from audit_sidecar.tlog.tiles import (
    encode_bundle,
    entries_path,
    required_entries,
    required_tiles,
    tile_path,
    tile_root,
)
from contracts import semconv
from contracts.commitment import commit
from contracts.identifiers import uuid_text
from contracts.leaf import derive_leaf, leaf_text
from contracts.otlp import EvidenceSpan, encode_export, encode_resource, encode_scope, encode_span, with_sequence
from contracts.payload import cut_export, payload_bytes
from contracts.receipt import Receipt

ORIGIN = "log.example.com/test"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
STREAM = bytes.fromhex("0199a3f2c0007000800000000000000a")
RESOURCE = encode_resource(
    {
        semconv.SERVICE_NAME: "countersign",
        semconv.SERVICE_INSTANCE_ID: uuid_text(STREAM),
        semconv.MODEL_ID: "telecom-churn",
        semconv.RELEASE_DIGEST: "ab" * 32,
    }
)
SCOPE = encode_scope("0.1.0")


@dataclass(frozen=True)
class Kept:
    """What a store keeps of one record."""

    leaf: bytes
    salt: bytes
    payload: bytes


def request_id(number: int) -> bytes:
    """The UUIDv7 of prediction ``number``."""
    return bytes.fromhex("0199a3f2c1007000") + (0x8000_0000_0000_0000 | number).to_bytes(8)


def recorded_answer(number: int) -> dict[str, object]:
    """What the record holds of the answer to prediction ``number``."""
    return {
        "churn_probability": 0.125,
        "prediction": "churn",
        "request_id": uuid_text(request_id(number)),
        "reasons": [{"feature": "tenure_months", "weight": -0.5, "protective": True}],
        "attempts": 1,
    }


def record(number: int, kind: str = "prediction", leaf_kind: str | None = None) -> Kept:
    """Record ``number`` of one stream; with ``leaf_kind`` the log gives it another kind than it says."""
    attributes = {semconv.ANSWER: json.dumps(recorded_answer(number))} if kind == "prediction" else {}
    time = 1_760_000_000_000_000_000 + number
    span = EvidenceSpan(kind, request_id(number), number.to_bytes(8), f"{kind} x", time, time, attributes)
    export = encode_export(RESOURCE, SCOPE, [with_sequence(encode_span(span), number)])
    (payload,) = cut_export(export)
    salt = number.to_bytes(32)
    data = payload_bytes(payload)
    return Kept(leaf_text(derive_leaf(payload, commit(salt, data), leaf_kind or kind)), salt, data)


@dataclass(frozen=True)
class EvidenceLog:
    """A log of these entries, signed by `SIGNER`."""

    records: Sequence[Kept]

    @cached_property
    def hashes(self) -> list[bytes]:
        """Every leaf hash."""
        return [leaf_hash(kept.leaf) for kept in self.records]

    def checkpoint(self) -> bytes:
        """The signed checkpoint."""
        return sign_checkpoint(Checkpoint(ORIGIN, len(self.hashes), root_of(self.hashes)), [SIGNER])

    def receipt(self, index: int, *, closed: bool = False) -> Receipt:
        """The receipt of one record."""
        hashes = inclusion_proof(
            index, len(self.hashes), lambda level, at: root_of(self.hashes[at << level : (at + 1) << level])
        )
        proof = encode_proof(TlogProof(index, tuple(hashes), self.checkpoint())).decode()
        kept = self.records[index]
        return Receipt(kept.leaf, proof) if closed else Receipt(kept.leaf, proof, kept.salt, kept.payload)

    def answer(self, index: int) -> dict[str, object]:
        """The answer as it was sent."""
        evidence = {"log": ORIGIN, "index": index, "leaf_hash": self.hashes[index].hex()}
        return {"customer_id": "C-7", **recorded_answer(index), "evidence": evidence}

    def write(self, folder: Path) -> Path:
        """Write the log as C2SP files."""
        levels = [self.hashes]
        for tile in required_tiles(len(self.hashes)):
            if tile.level == len(levels):
                below = levels[-1]
                full = range(0, len(below) // 256 * 256, 256)
                levels.append([tile_root(b"".join(below[at : at + 256])) for at in full])
            start = tile.index * 256
            data = b"".join(levels[tile.level][start : start + tile.width])
            _write(folder / tile_path(tile.level, tile.index, tile.width), data)
        for bundle in required_entries(len(self.hashes)):
            start = bundle.index * 256
            entries = [kept.leaf for kept in self.records[start : start + bundle.width]]
            _write(folder / entries_path(bundle.index, bundle.width), encode_bundle(entries))
        _write(folder / "checkpoint", self.checkpoint())
        return folder


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
